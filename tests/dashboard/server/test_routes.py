"""The dashboard's routes, asked over HTTP from a real server."""

from __future__ import annotations

import asyncio
import gc
import gzip
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import uvicorn
from PIL import Image
from starlette.applications import Starlette

from dashboard import routes, settings
from dashboard.cache import image_sheets, lru
from dashboard.server import answers, browser_files, guard, watched
from vae import browser
from vae.browser import packed_arrays
from vae.data.dataset import Dataset
from vae.evaluation.typicality import surprise
from vae.latent.embedding import embed
from vae.runs.metrics import MetricsReader, MetricsWriter
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runs.status import Status


class Answer:
    """A finished answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def sentence(self) -> str:
        return str(json.loads(self.body)["error"])


class Client:
    """Asks one server."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        try:
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def events(self, path: str, **headers: str) -> Events:
        return Events(self.port, path, headers)


class Events:
    """An open stream; `next` waits for the next event."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        self.response = self.connection.getresponse()
        self.last = ""

    def next(self) -> tuple[str, Any]:
        """Name and content of the next event; ("end", None) when the server has closed."""
        fields: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return "end", None
            if line == "\n" and "event" in fields:
                self.last = fields.get("id", self.last)
                return fields["event"], json.loads(fields["data"])
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value

    def until(self, name: str) -> Any:
        """The content of the next event of a name."""
        while True:
            found, content = self.next()
            assert found != "end", f"the stream ended before {name}"
            if found == name:
                return content

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.RUNS_VARIABLE, str(root))
        app = Starlette(routes=routes.routes(), middleware=routes.middleware(), lifespan=routes.lifespan)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield Client(listener.getsockname()[1])
            finally:
                routes._streams.closing = True
                server.should_exit = True
                thread.join(10)


@pytest.fixture
def live(root: Path, trained_run: Run) -> Iterator[Run]:
    """A copy of the run that a test may write to."""
    path = root / "live"
    shutil.copytree(trained_run.path, path)
    try:
        yield Run.open(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def line(step: int) -> dict[str, Any]:
    return {
        "split": "train", "step": step, "epoch": step / 10, "seconds": step / 5, "beta": 1.0, "distortion": 20.0,
        "rate": 2.0, "elbo": -22.0, "rate_per_dim": [1.0, 1.0], "num_steps": 1, "images_per_second": 100.0,
    }  # fmt: skip


class TestFiles:
    def test_module_of_the_current_version_may_be_kept_for_ever(self, client: Client) -> None:
        answer = client.get(f"/api/lib/{browser_files.version()}/vae/browser/lib/store.js")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.body == (browser.FOLDER / "lib" / "store.js").read_bytes()

    def test_module_of_another_version_is_not_kept(self, client: Client) -> None:
        answer = client.get("/api/lib/0000000000000000/vae/browser/lib/store.js")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")

    @pytest.mark.parametrize(
        "path",
        [
            "lib/{v}/../routes.py", "lib/{v}/..%2froutes.py", "lib/{v}/dashboard/components/..%2f..%2fsettings.py",
            "lib/{v}/vae/browser/__init__.py", "lib/{v}//etc/passwd", "lib/{v}/vae/browser/lib/store.js%00",
            "lib/{v}/dashboard/components/loader.js",
            "runtime/{v}/..%2f..%2fapi.py", "plotly/{v}/package.json", "", "nothing",
        ],
    )  # fmt: skip
    def test_what_is_not_on_the_list_is_refused(self, client: Client, path: str) -> None:
        answer = client.get(f"/api/{path.format(v=browser_files.version())}")
        assert answer.status == 404
        assert answer.sentence.endswith("reload the page")

    def test_plotly_is_the_one_of_the_python_package(self, client: Client) -> None:
        answer = client.get(f"/api/plotly/{browser_files.version()}/plotly.min.js")
        assert b"plotly.js v" in answer.body[:200]

    @pytest.mark.skipif(not browser_files.runtime_files(), reason="onnxruntime-web was not built in")
    def test_runtime_comes_with_the_types_that_browsers_ask_for(self, client: Client) -> None:
        types = {
            Path(name).suffix: client.get(f"/api/runtime/{browser_files.version()}/{name}").headers[
                "Content-Type"
            ]
            for name in browser_files.runtime_files()
        }
        assert types == {".mjs": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}

    def test_this_machine_gets_large_files_uncompressed(self, client: Client) -> None:
        answer = client.get(f"/api/plotly/{browser_files.version()}/plotly.min.js", Accept_Encoding="gzip")
        assert "Content-Encoding" not in answer.headers

    def test_module_is_answered_while_everything_computes(self, client: Client) -> None:
        done = threading.Event()
        running = threading.Semaphore(0)

        def work() -> None:
            running.release()
            done.wait(20)

        def ask(number: int) -> None:
            asyncio.run(answers.computations.run(number, work))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(answers.computations.in_all):
                assert running.acquire(timeout=10)
            began = time.monotonic()
            version = browser_files.version()
            for path in (
                f"lib/{version}/vae/browser/lib/dom.js",
                f"plotly/{version}/plotly.min.js",
                "runs/short/snapshots",
            ):
                assert client.get(f"/api/{path}").status == 200
            with client.events("/api/stream?run=short") as events:
                events.until("reset")
            assert time.monotonic() - began < 1
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def test_files_are_read_once_for_all(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        names = list(browser_files.files())[:20]
        version = browser_files.version()
        for name in names:
            client.get(f"/api/lib/{version}/{name}")
        monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read again"))
        for name in names:
            answer = client.get(f"/api/lib/{version}/{name}")
            assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
            again = client.get(f"/api/lib/{version}/{name}", If_None_Match=answer.headers["ETag"])
            assert (again.status, again.body) == (304, b"")

    def test_module_that_is_edited_is_handed_out_as_it_is_and_not_kept(
        self, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "lib").mkdir()
        module = tmp_path / "lib" / "edited.js"
        module.write_text("1")
        monkeypatch.setattr(browser, "FOLDER", tmp_path)
        browser_files.registered.cache_clear()
        try:
            path = f"/api/lib/{browser_files.version()}/vae/browser/lib/edited.js"
            assert "immutable" in client.get(path).headers["Cache-Control"]
            module.write_text("22")
            answer = client.get(path)
            assert (answer.body, answer.headers["Cache-Control"]) == (b"22", "no-store")
            module.unlink()
            assert client.get(path).status == 404
        finally:
            browser_files.registered.cache_clear()

    def test_other_machines_get_files_compressed_and_computed_answers_as_they_are(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "_is_local", lambda scope: False)
        path = f"/api/plotly/{browser_files.version()}/plotly.min.js"
        answer = client.get(path, Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body) == client.get(path).body
        assert "Content-Encoding" not in client.get("/api/runs/short/latent", Accept_Encoding="gzip").headers


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


class TestStream:
    def test_history_comes_first_and_new_lines_follow_once(self, client: Client, live: Run) -> None:
        known = [json.loads(text) for text in (live.path / "metrics.jsonl").read_text().splitlines()]
        with client.events("/api/runs/live/stream") as events:
            assert events.response.headers["Content-Type"].startswith("text/event-stream")
            lines = events.until("reset")["lines"]
            assert [found["step"] for found in lines] == [found["step"] for found in known]
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                for step in (1000, 1001):
                    writer.write(line(step))
            steps: list[int] = []
            while len(steps) < 2:
                steps += [found["step"] for found in events.until("lines")["lines"]]
            assert steps == [1000, 1001]

    def test_reconnecting_goes_on_where_the_client_was(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
            last = events.last
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            writer.write(line(2000))
        with client.events("/api/runs/live/stream", Last_Event_ID=last) as events:
            name, content = events.next()
            assert (name, [found["step"] for found in content["lines"]]) == ("lines", [2000])
        with client.events(f"/api/runs/live/stream?after={last}") as events:
            name, content = events.next()
            assert (name, [found["step"] for found in content["lines"]]) == ("lines", [2000])

    def test_history_cut_back_at_a_resume_starts_anew(self, client: Client, live: Run) -> None:
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            kept = writer.offset
            writer.write(line(3000))
            with client.events("/api/runs/live/stream") as events:
                events.until("reset")
                writer.truncate(kept)
                writer.write(line(3001))
                steps = [found["step"] for found in events.until("reset")["lines"]]
                assert 3000 not in steps
                if steps[-1] != 3001:
                    assert [found["step"] for found in events.until("lines")["lines"]] == [3001]

    @pytest.mark.parametrize("nonsense", ["0-0", "1-2-3", "x", "9" * 500, "12-5-ffffffff", "-1--1"])
    def test_nonsense_in_place_of_a_place_starts_anew(self, client: Client, live: Run, nonsense: str) -> None:
        with client.events("/api/runs/live/stream", Last_Event_ID=nonsense) as events:
            assert events.next()[0] == "reset"

    def test_status_carries_the_wishes_and_changes_with_them(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            assert events.until("status")["control"]["beta"] is None
            live.request(beta=4.0)
            assert events.until("status")["control"]["beta"] == 4.0

    def test_deleted_run_ends_the_stream_with_a_sentence(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
            shutil.rmtree(live.path)
            assert "deleted" in events.until("gone")["error"]
            assert events.next() == ("end", None)

    def test_long_history_is_thinned_before_it_is_sent(self, client: Client, live: Run) -> None:
        text = "".join(json.dumps(line(step)) + "\n" for step in range(1, 20_001))
        (live.path / "metrics.jsonl").write_text(text)
        with client.events("/api/runs/live/stream") as events:
            lines = events.until("reset")["lines"]
        assert 500 < len(lines) <= 2000
        assert lines[-1]["step"] == 20_000
        assert sum(found["num_steps"] for found in lines) == 20_000

    def test_streams_that_clients_left_are_closed(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
            before = routes._streams.num
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            for step in range(4000, 4100):
                writer.write(line(step))
                time.sleep(0.02)
                if routes._streams.num < before:
                    return
        pytest.fail("the stream of a client that left stays open")

    def test_one_stream_carries_all_the_runs_that_a_client_follows(self, client: Client, live: Run) -> None:
        live.write_status(Status(state="queued", heartbeat=time.time()))
        with client.events("/api/stream?run=live&run=short&run=absent") as events:
            told: dict[str, set[str]] = {}
            while told.get("live", set()) != {"reset", "status"} or told.get("short") != {"reset", "status"}:
                name, content = events.next()
                told.setdefault(content["run"], set()).add(name)
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                writer.write(line(5000))
            content = events.until("lines")
            assert (content["run"], [found["step"] for found in content["lines"]]) == ("live", [5000])
        assert told["absent"] == {"gone"}

    def test_stream_of_runs_at_rest_ends_and_goes_on_where_it_was(self, client: Client, live: Run) -> None:
        with client.events("/api/stream?run=live") as events:
            events.until("reset")
            events.until("rest")
            assert events.next() == ("end", None)
        with MetricsWriter(live.path / "metrics.jsonl") as writer:
            writer.write(line(6000))
        with client.events(f"/api/stream?run=live~{events.last}") as events:
            name, content = events.next()
            assert (name, [found["step"] for found in content["lines"]]) == ("lines", [6000])
            events.until("rest")
        began = time.monotonic()
        with client.events(f"/api/stream?run=live~{events.last}") as events:
            assert [events.next()[0], events.next()[0], events.next()[0]] == ["status", "rest", "end"]
        assert time.monotonic() - began < 0.4  # it holds no connection, only to wait for what does not come

    def test_client_that_was_away_for_long_gets_the_whole_thinned(self, client: Client, live: Run) -> None:
        with client.events("/api/runs/live/stream") as events:
            events.until("reset")
        with (live.path / "metrics.jsonl").open("a") as file:
            file.write("".join(json.dumps(line(step)) + "\n" for step in range(10_000, 30_000)))
        with client.events(f"/api/runs/live/stream?after={events.last}") as events:
            assert len(events.until("reset")["lines"]) <= 2100

    @pytest.mark.parametrize("query", ["", "run=" + "&run=".join(map(str, range(101)))])
    def test_stream_of_no_or_of_very_many_runs_is_refused(self, client: Client, query: str) -> None:
        answer = client.get(f"/api/stream?{query}")
        assert answer.status == 400 and answer.sentence.startswith("run must be given 1 to 100 times, got ")

    def test_many_who_follow_a_run_read_its_files_once(
        self, client: Client, live: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads: list[threading.Thread] = []
        read = MetricsReader.read

        def counted(reader: MetricsReader, *arguments: Any, **options: Any) -> Any:
            reads.append(threading.current_thread())
            return read(reader, *arguments, **options)

        monkeypatch.setattr(MetricsReader, "read", counted)
        live.write_status(Status(state="queued", heartbeat=time.time()))
        with ExitStack() as stack:
            many = [stack.enter_context(client.events("/api/stream?run=live")) for _ in range(20)]
            for events in many:
                events.until("reset")
            reads.clear()
            began = time.monotonic()
            while len(reads) < 6:
                assert time.monotonic() - began < 20, "nobody looks"
                time.sleep(0.005)
            seconds, readers = time.monotonic() - began, set(reads)
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                writer.write(line(7000))
            texts = [json.dumps(events.until("lines")) for events in many]
        assert [reader.name for reader in readers] == ["watch live"]  # one, and not the event loop
        assert 5 / seconds < 15
        assert len(set(texts)) == 1

    def test_run_that_nobody_follows_is_not_read(
        self, client: Client, live: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live.write_status(Status(state="queued", heartbeat=time.time()))
        with client.events("/api/stream?run=live") as events:
            events.until("status")
        deadline = time.monotonic() + 5
        while any(thread.name == "watch live" for thread in threading.enumerate()):
            assert time.monotonic() < deadline, "it is read on and on"
            time.sleep(0.05)

    def test_run_that_cannot_be_read_for_a_moment_is_followed_on(
        self, client: Client, live: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watched, "_AFTER_FAILURE", 0.05)
        live.write_status(Status(state="queued", heartbeat=time.time()))
        read, broken = MetricsReader.read, [True]

        def fails(reader: MetricsReader, *arguments: Any, **options: Any) -> Any:
            if broken and threading.current_thread().name == "watch live":
                broken.clear()
                raise RuntimeError("nobody foresaw this")
            return read(reader, *arguments, **options)

        with client.events("/api/stream?run=live") as events:
            events.until("reset")
            monkeypatch.setattr(MetricsReader, "read", fails)
            deadline = time.monotonic() + 5
            while broken:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            with MetricsWriter(live.path / "metrics.jsonl") as writer:
                writer.write(line(8000))
            assert [found["step"] for found in events.until("lines")["lines"]] == [8000]

    def test_open_streams_do_not_hold_up_the_servers_end(self, root: Path, free_port: int) -> None:
        program = (
            "import uvicorn; from starlette.applications import Starlette; from dashboard import routes as api; "
            "app = Starlette(routes=api.routes(), middleware=api.middleware(), lifespan=api.lifespan); "
            f"uvicorn.run(app, host='127.0.0.1', port={free_port}, log_level='error')"
        )
        environment = {**os.environ, settings.RUNS_VARIABLE: str(root)}
        with subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stderr=subprocess.DEVNULL
        ) as server:
            try:
                client = Client(free_port)
                _wait_for(client)
                with client.events("/api/runs/short/stream") as events:
                    events.until("status")
                    asked = time.monotonic()
                    server.send_signal(signal.SIGINT)
                    while events.next()[0] != "end":
                        pass
                    assert time.monotonic() - asked < 3
                server.wait(30)
            finally:
                server.kill()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(client: Client) -> None:
    for _ in range(300):
        try:
            client.get("/api/")
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not start")


class TestCache:
    def test_result_that_many_ask_for_at_once_is_made_once(self) -> None:
        cache, made, all_came = lru.Cache(2), [], threading.Barrier(8)

        def make() -> int:
            made.append(1)
            return 7

        def ask() -> None:
            all_came.wait(10)
            results.append(cache.get("key", make))

        results: list[int] = []
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (results, made) == ([7] * 8, [1])

    def test_least_recently_used_result_is_forgotten(self) -> None:
        cache = lru.Cache(2)
        for key in ("a", "b", "a", "c"):
            cache.get(key, lambda key=key: key.upper())  # type: ignore[misc]
        assert cache.get("a", lambda: "new") == "A"
        assert cache.get("b", lambda: "new") == "new"

    def test_error_is_not_kept(self) -> None:
        cache = lru.Cache(2)
        with pytest.raises(ZeroDivisionError):
            cache.get("key", lambda: 1 // 0)
        assert cache.get("key", lambda: 3) == 3

    def test_results_take_so_many_bytes_and_no_more(self) -> None:
        cache = lru.Cache(100, max_bytes=3000)
        for key in range(10):
            cache.get(key, lambda: np.zeros(1000, np.uint8))
        assert cache.num_bytes == 3000
        cache.get("large", lambda: {"a": [np.zeros(5000, np.uint8)]})
        assert cache.num_bytes == 5000  # the newest stays, alone
        assert cache.get("large", lambda: None) is not None

    def test_what_somebody_holds_is_not_made_a_second_time(self) -> None:
        class Made:
            def __init__(self) -> None:
                self.content = b"x" * 1000

        cache = lru.Cache(100, max_bytes=1500)
        held = cache.get("held", Made)
        for key in range(5):
            cache.get(key, Made)
        assert cache.get("held", Made) is held
        gone = weakref.ref(held)
        del held
        for key in range(5, 10):
            cache.get(key, Made)
        gc.collect()
        assert gone() is None and cache.num_bytes == 1000

    def test_size_of_a_model_is_that_of_its_weights(self, trained_run: Run) -> None:
        model = load_model(trained_run, "best")
        weights = sum(tensor.nbytes for tensor in model.state_dict().values())
        assert weights <= lru.size_of(model) < 1.5 * weights + 20_000


class TestArrays:
    def test_arrays_come_back_as_they_were(self) -> None:
        sent = {
            "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, -1], np.int16),
            "c": np.zeros((0, 4), np.uint8), "d": np.arange(3, dtype=np.int32),
        }  # fmt: skip
        found, fields = packed_arrays.unpack(packed_arrays.pack(sent, note="β"))
        assert fields == {"note": "β"}
        for name, array in sent.items():
            np.testing.assert_array_equal(found[name], array)

    @pytest.mark.parametrize("num_bytes", [1, 70, 1 << 20])
    @pytest.mark.parametrize("rows", [[], [4], [3, 0, 5, 5, 2]])
    def test_rows_a_few_at_a_time_make_the_same_answer(
        self, rows: list[int], num_bytes: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vae.browser.packed_arrays._PIECE", num_bytes)
        images = np.random.default_rng(0).integers(256, size=(6, 3, 5, 1), dtype=np.uint8)
        index = np.array(rows, np.int32)
        length, pieces = packed_arrays.gathered("images", images, index, max_value=255)
        content = b"".join(pieces)
        assert len(content) == length
        assert content == packed_arrays.pack({"images": images[index], "index": index}, max_value=255)

    def test_every_array_begins_where_a_typed_array_may(self) -> None:
        content = packed_arrays.pack({"x": np.zeros(3, np.uint8), "y": np.zeros(3, np.float32)}, note="ab")
        length = int.from_bytes(content[:4], "little")
        assert (4 + length) % 8 == 0
        assert all(item["offset"] % 8 == 0 for item in json.loads(content[4 : 4 + length])["arrays"])

    def test_type_that_the_browser_lacks_is_refused(self) -> None:
        with pytest.raises(ValueError, match="x must be one of float32"):
            packed_arrays.pack({"x": np.zeros(2)})
