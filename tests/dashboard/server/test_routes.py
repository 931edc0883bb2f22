"""What the dashboard's routes answer of a run, asked over HTTP from a real server."""

from __future__ import annotations

import io
import json
import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from dashboard.cache import image_sheets, lru
from tests.dashboard.server.http_client import Client
from vae.browser import packed_arrays
from vae.data.dataset import Dataset
from vae.evaluation.typicality import surprise
from vae.latent.embedding import embed
from vae.runs.run import Run
from vae.runs.snapshots import load_model


class TestRuns:
    @pytest.mark.parametrize(
        "run_id", ["absent", "..", "%2e%2e", "..%2fserved", "a" * 200, "short%00", "short%2f..%2fshort"]
    )
    @pytest.mark.parametrize("path", ["stream", "decoder.onnx", "latent", "decode?z=0,0", "sheet.png"])
    def test_unknown_run_is_one_sentence(self, client: Client, run_id: str, path: str) -> None:
        answer = client.get(f"/api/runs/{run_id}/{path}")
        assert answer.status == 404
        assert "\n" not in answer.sentence and "Traceback" not in answer.sentence

    def test_decoder_computes_what_torch_computes(self, client: Client, trained_run: Run) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(client.get("/api/runs/short/decoder.onnx?at=best").body)
        z = torch.randn(100, 2, generator=torch.Generator().manual_seed(1))
        (image,) = session.run(None, {"z": z.numpy()})
        with torch.inference_mode():
            expected = load_model(trained_run, "best").decode(z).numpy()
        assert np.abs(image - expected).max() < 1e-5

    def test_encoder_computes_what_torch_computes(
        self, client: Client, trained_run: Run, digits: Dataset
    ) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        session = onnxruntime.InferenceSession(client.get("/api/runs/short/encoder.onnx?at=last").body)
        x = digits.pixels(digits.part("test")[0][:50])
        mean, log_var = session.run(None, {"x": x.numpy()})
        with torch.inference_mode():
            expected = load_model(trained_run, "last").posterior(x)
        np.testing.assert_allclose(mean, expected[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(log_var, expected[1].numpy(), atol=1e-5)

    def test_snapshots_have_decoders_of_their_own(self, client: Client, trained_run: Run) -> None:
        first, last = trained_run.snapshots()[0], trained_run.snapshots()[-1]
        bodies = {client.get(f"/api/runs/short/decoder.onnx?at={step}").body for step in (first, last)}
        assert len(bodies) == 2

    def test_snapshots_are_listed_with_what_the_time_machine_shows(
        self, client: Client, trained_run: Run
    ) -> None:
        answer = client.get("/api/runs/short/snapshots")
        found = json.loads(answer.body)
        assert found["state"] == "finished"
        assert [snapshot["step"] for snapshot in found["snapshots"]] == trained_run.snapshots()
        for snapshot in found["snapshots"]:
            said = json.loads((trained_run.snapshot_dir(snapshot["step"]) / "snapshot.json").read_text())
            assert {name: said[name] for name in ("epoch", "seconds", "beta")}.items() <= snapshot.items()
            assert snapshot["rate_per_dim"] == pytest.approx(said["rate_per_dim"], abs=1e-5)
        assert len({snapshot["stamp"] for snapshot in found["snapshots"]}) == len(found["snapshots"])
        again = client.get("/api/runs/short/snapshots", If_None_Match=answer.headers["ETag"])
        assert (again.status, again.body) == (304, b"")

    def test_new_and_rewritten_snapshots_change_the_list(self, client: Client, live: Run) -> None:
        before = json.loads(client.get("/api/runs/live/snapshots").body)["snapshots"]
        shutil.copytree(live.snapshot_dir(before[-1]["step"]), live.snapshot_dir(9999))
        os.utime(live.snapshot_dir(before[0]["step"]) / "weights.safetensors", (1, 1))
        after = json.loads(client.get("/api/runs/live/snapshots").body)["snapshots"]
        assert [snapshot["step"] for snapshot in after] == [
            *(snapshot["step"] for snapshot in before),
            9999,
        ]
        assert after[0]["stamp"] != before[0]["stamp"] and after[1]["stamp"] == before[1]["stamp"]

    def test_decoder_of_a_snapshot_may_be_kept_under_its_name_alone(self, client: Client) -> None:
        snapshot = json.loads(client.get("/api/runs/short/snapshots").body)["snapshots"][1]
        kept = [
            client.get(f"/api/runs/short/decoder.onnx?at={at}&v={v}").headers["Cache-Control"]
            for at, v in [
                (snapshot["step"], snapshot["stamp"]),
                (snapshot["step"], "old"),
                ("best", snapshot["stamp"]),
            ]
        ]
        assert ["immutable" in words for words in kept] == [True, False, False]

    def test_unchanged_decoder_is_not_sent_again(self, client: Client) -> None:
        tag = client.get("/api/runs/short/decoder.onnx").headers["ETag"]
        again = client.get("/api/runs/short/decoder.onnx", If_None_Match=tag)
        assert (again.status, again.body) == (304, b"")

    def test_new_weights_make_a_new_decoder(self, client: Client, live: Run) -> None:
        before = client.get("/api/runs/live/decoder.onnx?at=best").headers["ETag"]
        step = live.snapshots()[0]
        shutil.copy(
            live.snapshot_dir(step) / "weights.safetensors", live.path / "checkpoints" / "best.safetensors"
        )
        assert client.get("/api/runs/live/decoder.onnx?at=best").headers["ETag"] != before

    @pytest.mark.parametrize("part", ["test", "validation", "train", "all"])
    def test_latent_positions_are_the_posterior_means(
        self, client: Client, trained_run: Run, digits: Dataset, part: str
    ) -> None:
        found, fields = packed_arrays.unpack(
            client.get(f"/api/runs/short/latent?at=last&part={part}&log_var=1").body
        )
        model = load_model(trained_run, "last")
        parts = ["train", "validation", "test"] if part == "all" else [part]
        expected = [embed(model, digits, name) for name in parts]  # type: ignore[arg-type]
        assert fields["count"] == sum(len(embedding.mean) for embedding in expected)
        np.testing.assert_allclose(found["mean"], torch.cat([e.mean for e in expected]).numpy(), atol=1e-5)
        np.testing.assert_allclose(
            found["log_var"], torch.cat([e.log_var for e in expected]).numpy(), atol=1e-5
        )
        assert digits.labels is not None
        np.testing.assert_array_equal(found["labels"], digits.labels[found["index"].astype(np.int64)].numpy())

    def test_originals_are_the_bytes_of_the_data_set(self, client: Client, digits: Dataset) -> None:
        found, fields = packed_arrays.unpack(client.get("/api/runs/short/originals?part=test").body)
        assert fields["max_value"] == digits.max_value
        np.testing.assert_array_equal(found["index"], digits.test.numpy())
        np.testing.assert_array_equal(found["images"], digits.images[digits.test].numpy())

    def test_originals_of_some_rows_come_in_their_order(self, client: Client, digits: Dataset) -> None:
        found, _ = packed_arrays.unpack(client.get("/api/runs/short/originals?part=test&rows=7,0,3").body)
        index = digits.test[[7, 0, 3]]
        np.testing.assert_array_equal(found["index"], index.numpy())
        np.testing.assert_array_equal(found["images"], digits.images[index].numpy())

    @pytest.mark.parametrize("rows", ["", "-1", "1,,2", "999999", "x", ",".join(["1"] * 101), "1" * 5000])
    def test_other_than_rows_are_refused(self, client: Client, rows: str) -> None:
        answer = client.get(f"/api/runs/short/originals?part=test&rows={rows}")
        assert answer.status == 400
        assert answer.sentence.startswith("rows must be at most 100 whole numbers from 0 to ")
        assert len(answer.sentence) < 200

    def test_surprise_is_the_library_s(self, client: Client, trained_run: Run, digits: Dataset) -> None:
        found = json.loads(client.get("/api/runs/short/surprise?at=last").body)
        expected = surprise(load_model(trained_run, "last"), digits, "train")
        assert (found["part"], found["num_images"]) == ("train", len(digits.train))
        np.testing.assert_allclose(found["quantiles"], expected.quantiles, rtol=1e-5)

    def test_server_decodes_as_torch_does(self, client: Client, trained_run: Run) -> None:
        answer = client.get("/api/runs/short/decode?z=0.5,-1.25")
        pixels = np.asarray(Image.open(io.BytesIO(answer.body)))
        with torch.inference_mode():
            expected = load_model(trained_run, "best").decode(torch.tensor([[0.5, -1.25]]))[0, 0].numpy()
        assert answer.headers["Content-Type"] == "image/png"
        np.testing.assert_array_equal(pixels, np.rint(expected * 255).astype(np.uint8))

    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ("decode", "z must be 2 numbers"), ("decode?z=1", "z must be 2 numbers"), ("decode?z=1,2,3", "z must be"),
            ("decode?z=nan,0", "z must be from"), ("decode?z=inf,0", "z must be from"),
            ("decode?z=1e9,0", "z must be from"), ("decode?z=a,b", "z must be numbers"),
            ("decode?z=0,0&at=worst", "at must be best, last"), ("decode?z=0,0&at=-1", "at must be"),
            ("decode?z=0,0&at=1e3", "at must be"), ("latent?part=half", "part must be one of"),
            ("latent?log_var=2", "log_var must be"), ("sheet.png?kind=other", "kind must be one of"),
            ("sheet.png?num=0", "num must be"), ("sheet.png?num=9999", "num must be"),
            ("sheet.png?seed=-1", "seed must be"),
        ],
    )  # fmt: skip
    def test_bad_parameter_is_one_sentence_with_rule_value_and_remedy(
        self, client: Client, query: str, word: str
    ) -> None:
        answer = client.get(f"/api/runs/short/{query}")
        assert answer.status == 400
        assert word in answer.sentence and ", got " in answer.sentence and "; " in answer.sentence

    def test_absent_snapshot_is_one_sentence(self, client: Client) -> None:
        answer = client.get("/api/runs/short/decoder.onnx?at=999999")
        assert answer.status == 404 and "no snapshot of step 999999" in answer.sentence

    @pytest.mark.parametrize(
        ("kind", "size"),
        [
            ("reconstructions", (10 * 9 - 1, 2 * 9 - 1)),
            ("samples", (10 * 9 - 1, 3 * 9 - 1)),
            ("manifold", (80, 80)),
        ],
    )
    def test_sheets_have_the_images_at_their_own_size(
        self, client: Client, kind: str, size: tuple[int, int]
    ) -> None:
        image = Image.open(io.BytesIO(client.get(f"/api/runs/short/sheet.png?kind={kind}").body))
        assert image.size == size

    def test_a_sheet_is_drawn_once_for_all_who_look(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = "/api/runs/short/sheet.png?kind=samples&seed=77"
        first = client.get(path)
        monkeypatch.setattr(image_sheets, "_draw", lambda *arguments: pytest.fail("it was drawn again"))
        assert client.get(path).body == first.body

    def test_reconstructions_show_one_image_of_each_class_first(
        self, client: Client, digits: Dataset
    ) -> None:
        sheet = np.asarray(
            Image.open(io.BytesIO(client.get("/api/runs/short/sheet.png?kind=reconstructions").body))
        )
        images, labels = digits.part("test")
        assert labels is not None
        for digit in range(10):
            original = images[labels == digit][0, 0].numpy() / digits.max_value
            shown = sheet[:8, 9 * digit : 9 * digit + 8, 0]
            np.testing.assert_array_equal(shown, np.rint(original * 255).astype(np.uint8))

    def test_reconstructions_of_pixels_drawn_anew_are_the_same_for_one_seed(
        self, client: Client, live: Run
    ) -> None:
        config = json.loads((live.path / "config.json").read_text())
        config["config"]["data"]["binarize"] = "dynamic"
        (live.path / "config.json").write_text(json.dumps(config))
        lru.clear()
        found = [
            client.get(f"/api/runs/live/sheet.png?kind=reconstructions&seed={seed}") for seed in (1, 1, 2)
        ]
        assert [sheet.status for sheet in found] == [200, 200, 200]
        assert found[0].body == found[1].body != found[2].body
        lru.clear()

    def test_run_without_its_images_still_decodes_and_says_what_is_missing(
        self, client: Client, live: Run
    ) -> None:
        config = json.loads((live.path / "config.json").read_text())
        missing = json.loads(json.dumps(config).replace('"name": "digits"', '"name": "mnist"'))
        missing["config"]["data"]["root"] = str(live.path / "absent")
        (live.path / "config.json").write_text(json.dumps(missing))
        lru.clear()
        answer = client.get("/api/runs/live/originals")
        assert answer.status == 404 and "mnist" in answer.sentence.lower()
        assert client.get("/api/runs/live/decode?z=0,0").status == 200

    def test_images_whose_classes_have_other_names_are_told_even_if_their_bytes_are_at_hand(
        self, client: Client, live: Run
    ) -> None:
        assert client.get("/api/runs/live/originals").status == 200
        config = json.loads((live.path / "config.json").read_text())
        config["info"]["class_names"][3] = "three"
        (live.path / "config.json").write_text(json.dumps(config))
        answer = client.get("/api/runs/live/originals")
        assert answer.status == 404
        assert "it was made for, got ones with class 3 '3' instead of 'three'; restore" in answer.sentence

    def test_damaged_weights_are_one_sentence(self, client: Client, live: Run) -> None:
        path = live.path / "checkpoints" / "best.safetensors"
        path.write_bytes(path.read_bytes()[:100])
        answer = client.get("/api/runs/live/decoder.onnx")
        assert answer.status == 404 and "\n" not in answer.sentence
