"""The routes of paths: stops and means as `vae.latent.interpolation` gives them, files to keep, and what is refused."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette

from dashboard import routes, settings
from dashboard.cache import datasets, latents, lru, models
from dashboard.server import answers
from dashboard.views.explore import path_text
from dashboard.views.explore.routes import KINDS, PACES
from vae.browser import packed_arrays
from vae.data.dataset import Dataset
from vae.latent.embedding import embed
from vae.latent.interpolation import default_radius, neighbours, path
from vae.runs.run import Run
from vae.runs.snapshots import load_model


class Answer:
    """What a route said."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, dict[str, str](), b""

    @property
    def sentence(self) -> str:
        return str(json.loads(self.body)["error"])

    def arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        assert self.status == 200, self.body
        return packed_arrays.unpack(self.body)


def get(address: str, **query: object) -> Answer:
    """Ask the routes as the server does."""
    answer = Answer()

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the client stays, and sends nothing more
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http", "method": "GET", "path": f"/api/runs/{address}", "query_string": urlencode(query).encode(),
        "headers": [], "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    asyncio.run(Starlette(routes=routes.routes())(scope, receive, send))
    return answer


@pytest.fixture(scope="module", autouse=True)
def run(trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the trained run, served as `short`."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(trained_run.path, folder / "short")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.RUNS_VARIABLE, str(folder))
        lru.clear()
        yield Run.open(folder / "short")
    lru.clear()


@pytest.fixture(scope="module")
def means(run: Run, digits: Dataset) -> torch.Tensor:
    return embed(load_model(run, "best"), digits, "test").mean


class TestStops:
    def test_text_comes_back_as_it_was(self) -> None:
        found = path_text.parse("n17_0.5,-1.25_n0", 2, 18, 10)
        assert found == [17, (0.5, -1.25), 0]
        assert path_text.write(found) == "n17_0.5,-1.25_n0"
        assert path_text.parse("", 2, 18, 10) == []

    def test_point_of_one_dimension_is_no_image(self) -> None:
        assert path_text.parse("3_n3", 1, 18, 10) == [(3.0,), 3]

    @pytest.mark.parametrize(
        "text",
        ["n18", "n-1", "n", "n1.5", "1", "1,2,3", "1,nan", "1,inf", "1,10.5", "_", "n1_", "n1 n2", "x",
         "n" + "9" * 5000, "_".join(["n1"] * 9), "<b>"],
    )  # fmt: skip
    def test_other_text_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            path_text.parse(text, 2, 18, 10)


class TestDifferences:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("c7,s13,-0.5", (7, (0, 2), -0.5)), ("s,s,2", ((), (), 2.0)), ("c0,c9,0", (0, 9, 0.0))],
    )
    def test_text_comes_back_as_it_was(self, text: str, expected: path_text.Difference) -> None:
        assert path_text.parse_difference(text, 10, 3) == expected
        assert path_text.write_difference(expected) == text

    @pytest.mark.parametrize(
        "text",
        ["", "c7,s1", "c10,s1,1", "c7,s4,1", "c7,s31,1", "c7,s11,1", "c7,s1,2.1", "c7,s1,nan", "c-1,s,1", "x,s,1",
         "c7,s9,1", "c7,s1,1,1", "c" + "9" * 5000 + ",s,1"],
    )  # fmt: skip
    def test_other_text_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            path_text.parse_difference(text, 10, 3)


class TestImagesAndGroups:
    def test_test_image_has_its_mean_label_and_pixels(self, means: torch.Tensor, digits: Dataset) -> None:
        listed, fields = get("short/test-image", number=5).arrays()
        images, labels = digits.part("test")
        assert labels is not None
        np.testing.assert_allclose(listed["z"], means[5], rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(listed["image"], images[5])
        assert fields == {"number": 5, "label": int(labels[5]), "max_value": 16, "reason": ""}

    def test_picks_of_a_class_go_round_all_of_it(self, digits: Dataset) -> None:
        labels = digits.part("test")[1]
        assert labels is not None
        num = int((labels == 3).sum())
        numbers = [
            get("short/test-image", label=3, pick=pick).arrays()[1]["number"] for pick in (*range(num), num)
        ]
        assert len(set(numbers)) == num
        assert numbers[-1] == numbers[0]
        assert all(labels[number] == 3 for number in numbers)

    def test_without_originals_there_is_the_mean_and_the_reason(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(run: Run) -> Dataset:
            raise answers.NotFound("the images are elsewhere; bring them")

        monkeypatch.setattr(datasets, "dataset", missing)
        listed, fields = get("short/test-image", number=5).arrays()
        assert set(listed) == {"z"}
        assert fields["reason"] == "the images are elsewhere; bring them"

    def test_group_mean_is_of_a_class_or_of_stops(self, means: torch.Tensor, digits: Dataset) -> None:
        labels = digits.part("test")[1]
        assert labels is not None
        found = json.loads(get("short/group", label=7).body)
        assert found["num"] == int((labels == 7).sum())
        assert found["mean"] == pytest.approx(means[labels == 7].mean(0).tolist(), rel=1e-3, abs=1e-4)
        found = json.loads(get("short/group", stops="n1_4,2").body)
        assert found["num"] == 2
        assert found["mean"] == pytest.approx(((means[1] + torch.tensor([4.0, 2.0])) / 2).tolist(), abs=1e-4)


class TestPath:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("pace", PACES)
    def test_frames_and_counts_are_those_of_the_library(
        self, means: torch.Tensor, kind: Any, pace: Any
    ) -> None:
        listed, fields = get("short/path", stops="n1_0.5,-1_n8", kind=kind, pace=pace, num=21).arrays()
        expected = path(torch.stack([means[1], torch.tensor([0.5, -1]), means[8]]), 21, kind, pace)
        np.testing.assert_allclose(listed["z"], expected.z, rtol=1e-4, atol=1e-4)
        assert fields["stops"] == pytest.approx(expected.stops, abs=1e-3)
        assert fields["radius"] == pytest.approx(default_radius(means), rel=1e-3)
        assert fields["num_images"] == len(means)
        counts = neighbours(torch.tensor(listed["z"]), means, fields["radius"])
        assert np.abs(listed["count"] - counts.numpy()).max() <= 1
        assert listed["count"].max() > 0

    def test_neighbours_are_counted_within_the_radius_that_is_asked_for(self, means: torch.Tensor) -> None:
        listed, fields = get("short/path", stops="n1_n8", num=21, radius=0.5).arrays()
        assert fields["radius"] == 0.5
        assert fields["usual_radius"] == pytest.approx(default_radius(means), rel=1e-3)
        counts = neighbours(torch.tensor(listed["z"]), means, 0.5)
        assert np.abs(listed["count"] - counts.numpy()).max() <= 1
        usual = get("short/path", stops="n1_n8", num=21).arrays()[0]["count"]
        assert (listed["count"] != usual).any()

    def test_snapshots_have_paths_of_their_own(self, run: Run) -> None:
        first = get("short/path", stops="n1_n2", at=run.snapshots()[0]).arrays()[0]["z"]
        best = get("short/path", stops="n1_n2").arrays()[0]["z"]
        assert np.abs(first - best).max() > 0.01

    def test_without_means_points_still_make_a_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(*_: object) -> None:
            raise answers.NotFound("the images are elsewhere; bring them")

        monkeypatch.setattr(latents, "embedding", missing)
        listed, fields = get("short/path", stops="0,0_1,1").arrays()
        assert set(listed) == {"z"}
        assert fields["reason"] == "the images are elsewhere; bring them"
        assert (get("short/path", stops="n0_1,1").status, get("short/path", stops="n0_1,1").sentence) == (
            404,
            "the images are elsewhere; bring them",
        )


class TestFiles:
    @pytest.mark.parametrize(("back", "frames"), [(0, 41), (1, 80)])
    def test_gif_lasts_as_long_as_asked_and_goes_on_for_ever(self, back: int, frames: int) -> None:
        answer = get("short/path.gif", stops="-3,-3_3,3", seconds=2, back=back)
        assert answer.headers["content-disposition"] == 'attachment; filename="short-path.gif"'
        picture = Image.open(io.BytesIO(answer.body))
        assert picture.size == (224, 224)
        assert picture.info["loop"] == 0
        durations, shown = [], []
        for number in range(picture.n_frames):
            picture.seek(number)
            durations.append(picture.info["duration"])
            shown.append(np.asarray(picture.convert("L")).astype(int))
        assert sum(durations) == 50 * frames
        # There and back, the last frame is the second, and the first comes after it.
        away = [float(np.abs(frame - shown[0]).mean()) for frame in shown]
        assert (away[-1] < max(away) / 2) == bool(back)

    def test_conditional_run_is_decoded_under_the_weights_that_are_asked_for(
        self, run: Run, digits: Dataset, make_model: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = make_model(info=digits.info(), conditional=True, dtype=torch.float32)
        monkeypatch.setattr(models, "model", lambda *_: model.eval().requires_grad_(False))
        classes = [
            get("short/path.gif", stops="0,0_1,1", seconds=1, y=y).body
            for y in (0, 3, "0.5,0,0,0.5,0,0,0,0,0,0")
        ]
        assert len(set(classes)) == 3
        assert (
            get("short/path.gif", stops="0,0_1,1", seconds=1, y=10).sentence
            == "y must be a class from 0 to 9, got 10; use 0"
        )

    def test_frames_of_a_conditional_run_go_from_the_class_of_one_stop_to_that_of_the_next(
        self, run: Run, digits: Dataset, make_model: Any, monkeypatch: pytest.MonkeyPatch, means: torch.Tensor
    ) -> None:
        model = make_model(info=digits.info(), conditional=True, dtype=torch.float32).eval()
        monkeypatch.setattr(models, "model", lambda *_: model.requires_grad_(False))
        labels = latents.embedding(run, "best", "test").labels
        assert labels is not None and int(labels[1]) != int(labels[2])
        query = {"stops": "n1_n2_0,0", "num": 5}
        _, fields = get("short/path", **query).arrays()
        assert fields["labels"] == [int(labels[1]), int(labels[2]), None]
        first, second, page = torch.eye(10)[labels[1]], torch.eye(10)[labels[2]], torch.eye(10)[7]
        gif = Image.open(io.BytesIO(get("short/path.gif", stops="n1_n2_0,0", seconds=1, back=0, y=7).body))
        half = (gif.n_frames - 1) // 2
        shares = torch.arange(half + 1).div(half)[:, None]
        y = torch.cat([torch.lerp(first, second, shares), torch.lerp(second, page, shares[1:])])
        z = path(torch.stack([means[1], means[2], torch.zeros(2)]), len(y)).z
        expected = np.rint(model.decode(z, y).numpy()[:, 0] * 255)
        shown = []
        for number in range(gif.n_frames):
            gif.seek(number)
            shown.append(np.asarray(gif.convert("L"))[:: gif.height // 8, :: gif.width // 8])
        np.testing.assert_allclose(np.array(shown, float), expected, atol=1)


@pytest.mark.parametrize(
    ("address", "query", "words"),
    [
        ("path", {}, "stops must be at least 2, got 0"),
        ("path", {"stops": "n1"}, "stops must be at least 2, got 1"),
        ("path", {"stops": "n360_n1"}, "number of a test image from 0 to 358"),
        (
            "path",
            {"stops": "1,2,3_n1"},
            "2 numbers between −1000 and 1000 separated by commas, got '1,2,3_n1'",
        ),
        ("path", {"stops": "_".join(["n1"] * 9)}, "at most 8 stops"),
        ("path", {"stops": "n1_n2", "kind": "round"}, "kind must be one of straight, spherical, got 'round'"),
        (
            "path",
            {"stops": "n1_n2", "radius": "nan"},
            "radius must be a number from 0.0001 to 1000, got 'nan'",
        ),
        ("path", {"stops": "n1_n2", "radius": 0}, "radius must be a number from 0.0001 to 1000, got '0'"),
        ("path", {"stops": "n1_n2", "pace": "fast"}, "pace must be one of legs, length, got 'fast'"),
        ("path", {"stops": "n1_n2", "num": 242}, "num must be a whole number from 2 to 241, got '242'"),
        ("path", {"stops": "n1_n2", "at": "yesterday"}, "at must be best, last or the step"),
        ("path.gif", {"stops": "n1_n2", "seconds": 99}, "seconds must be a whole number from 1 to 12"),
        ("path.gif", {"stops": "_" * 5000}, "at most 8 stops"),
        ("path.gif", {"stops": "<b>"}, "got '<b>'"),
        ("group", {"label": 10}, "label must be a whole number from 0 to 9, got '10'"),
        ("group", {"stops": ""}, "stops must be at least 1, got 0"),
        ("test-image", {"number": 359}, "number must be a whole number from 0 to 358"),
        ("test-image", {"label": 3, "pick": -1}, "pick must be a whole number"),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(address: str, query: dict[str, object], words: str) -> None:
    answer = get(f"short/{address}", **query)
    assert answer.status == 400
    assert words in answer.sentence
    assert len(answer.sentence) < 300


def test_run_that_is_not_there_is_not_found() -> None:
    assert get("absent/path", stops="n1_n2").status == 404
    assert get("..%2fshort/path", stops="n1_n2").status == 404


def test_routes_write_nothing(run: Run) -> None:
    def state() -> dict[Path, float]:
        return {file: file.stat().st_mtime_ns for file in run.path.rglob("*")}

    before = state()
    for address in ("path", "path.gif"):
        assert get(f"short/{address}", stops="n1_n2").status == 200
    assert state() == before
