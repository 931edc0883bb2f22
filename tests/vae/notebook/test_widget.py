"""The widget in Python: its value, what it answers, what a saved notebook keeps, what is refused."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import vae
from dashboard.components import image as image_face
from dashboard.components import map as map_face
from dashboard.components import sliders as sliders_face
from vae.browser import packed_arrays
from vae.browser.palette import CURVES
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.notebook import sources
from vae.runs.run import Run


class Letters(list[tuple[dict[str, Any], list[bytes]]]):
    """What a widget has sent."""

    def __call__(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.append((content, [bytes(buffer) for buffer in buffers or []]))


@pytest.fixture
def widget(trained_run: Run, digits: Dataset) -> Iterator[Any]:
    found = vae.show(vae.load_model(trained_run), digits)
    yield found
    found.close()


def test_the_value_is_whole_and_can_be_set_in_parts(widget: Any) -> None:
    heard: list[Any] = []
    widget.observe(lambda change: heard.append(change["new"]), "value")
    num = len(widget.value["point"])
    widget.value = {"point": np.full(num, 0.25)}
    assert widget.value["point"] == [0.25] * num and widget.value["selection"] == []
    widget.value = {"selection": (3, np.int64(5))}
    assert widget.value == {"point": [0.25] * num, "class": widget.value["class"], "selection": [3, 5]}
    assert heard[-1] == widget.value and len(heard) == 2
    json.dumps(widget.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"point": [1.0] * 99}, r"value\['point'\] must be"),
        ({"point": [float("nan")]}, r"value\['point'\] must be"),
        ({"point": "x"}, r"value\['point'\] must be"),
        ({"selection": 3}, r"value\['selection'\] must be a list"),
        ({"selection": [-1]}, r"value\['selection'\] must be a list"),
        ({"places": []}, "value must have point, class and selection, got 'places'"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_and_the_old_one_stays(
    widget: Any, value: Any, words: str
) -> None:
    before = dict(widget.value)
    with pytest.raises(UserError, match=words):
        widget.value = value
    assert widget.value == before


def test_the_parts_are_told_what_the_dashboard_tells_them(widget: Any) -> None:
    told = widget._told["parts"]
    faces = {"sliders": sliders_face, "image": image_face, "map": map_face}
    for part, face in faces.items():
        assert set(told[part]) == {field.name for field in fields(face.State)}, part
    assert {*told["map"]["view"]} == {field.name for field in fields(map_face.View)}
    assert "curves" not in told
    json.dumps(told, allow_nan=False)


def test_the_page_gets_modules_arrays_and_sentences(
    widget: Any, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Letters()
    monkeypatch.setattr(widget, "send", sent)
    widget._hear(widget, {"kind": "library", "id": "a"}, [])
    found = json.loads(gzip.decompress(sent[-1][1][0]))
    assert found["modules"][-1][0] == found["entry"] and "lib/tokens.css" in found["styles"]
    widget._hear(
        widget, {"kind": "get", "id": "b", "path": "latent", "query": {"at": "best", "part": "test"}}, []
    )
    arrays, _ = packed_arrays.unpack(sent[-1][1][0])
    assert sent[-1][0] == {"kind": "answer", "id": "b"}
    assert arrays["index"].tolist() == digits.test.tolist()
    wanted = vae.embed(widget._source.model(), digits, "test").mean.numpy()
    assert np.allclose(arrays["mean"], wanted, atol=1e-6)
    for path, query in (
        ("images", {"index": "../../x"}),
        ("images", {"index": "1,99999999"}),
        ("latent", {"at": "<script>"}),
        ("../config.json", {}),
    ):
        widget._hear(widget, {"kind": "get", "id": "c", "path": path, "query": query}, [])
        assert sent[-1][0]["kind"] == "refusal" and sent[-1][0]["error"], path


def test_a_saved_notebook_keeps_a_picture(widget: Any) -> None:
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == (656, 320)
    left, right = picture.crop((0, 0, 320, 320)), picture.crop((336, 0, 656, 320))
    for half in (left, right):
        assert len(half.getcolors(1 << 20) or []) > 10


def test_a_run_without_weights_waits_and_says_why(trained_run: Run, digits: Dataset, tmp_path: Any) -> None:
    run = Run.create(tmp_path / "new", trained_run.config, trained_run.info)
    widget = run.show(digits)
    assert widget._told["parts"]["curves"] == {"run": "new", "palette": CURVES}
    assert widget._told["parts"]["map"] is None and widget._told["missing"]["map"]
    widget.close()


def test_arrays_are_all_looked_at(trained_run: Run, digits: Dataset) -> None:
    images = digits.images[:40].numpy() / digits.max_value
    widget = vae.show(vae.load_model(trained_run), (images, digits.labels[:40].numpy()))
    assert widget._told["parts"]["map"]["num"] == 40
    widget.close()


def test_what_cannot_be_shown_is_refused(trained_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="target must be a run"):
        vae.show(3)  # type: ignore[arg-type]
    with pytest.raises(
        UserError, match="parts must be one or more of sliders, image, map, curves, got 'slider'"
    ):
        vae.show(trained_run, parts=["slider"])
    with pytest.raises(UserError, match="images must have the shape"):
        vae.show(vae.load_model(trained_run), np.zeros((30, 5, 5), np.uint8))
    monkeypatch.delitem(sys.modules, "vae.notebook.widget", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(UserError, match=r"pip install 'latent-lab\[notebook\]'"):
        vae.show(trained_run)


class Strange:
    """Says nothing of itself, and is no number."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __float__(self) -> float:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [
        {"point": [10**400, 0]},
        {"point": 10**5000},
        {"point": "12"},
        {"point": b"12"},
        {"point": {0: 1, 1: 2}},
        {"point": [True, False]},
        {"point": [1j, 0]},
        {"point": Strange()},
        {"point": [Strange(), 0]},
        {"selection": [float("inf")]},
        {"selection": 10**5000},
        {"selection": range(10**7)},
        {"selection": np.array([True])},
        {"selection": Strange()},
        {Strange(): 1},
    ],
)
def test_whatever_it_is_set_to_there_is_one_sentence(widget: Any, value: Any) -> None:
    before = dict(widget.value)
    with pytest.raises(UserError, match="value") as refused:
        widget.value = value
    assert len(str(refused.value)) <= 400 and widget.value == before


def test_arrays_and_tensors_are_lists(widget: Any) -> None:
    dims = len(widget.value["point"])
    widget.value = {
        "point": torch.full((dims,), 0.5, requires_grad=True),
        "selection": np.array([3, 1], np.int16),
    }
    assert widget.value == {"point": [0.5] * dims, "class": None, "selection": [3, 1]}
    widget.value = {"point": np.zeros(dims, np.float32), "selection": torch.tensor([2])}
    assert widget.value["point"] == [0.0] * dims and widget.value["selection"] == [2]


def test_a_page_that_asks_for_anything_fills_no_memory(
    widget: Any, trained_run: Run, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = Letters()
    monkeypatch.setattr(widget, "send", letters)
    for path, query in [
        ("latent", {"at": 5}),
        ("decoder.onnx", {"at": "7"}),
        ("latent", {"at": 10**5000}),
        ({}, {}),
        (10**5000, {}),
    ]:
        widget._hear(None, {"kind": "get", "id": 1, "path": path, "query": query})
    assert [content["kind"] for content, _ in letters] == ["refusal"] * 5
    assert all(isinstance(at, str) for _, at in widget._source._cache)
    monkeypatch.setattr(sources, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match="images in a notebook must have at most"):
        widget._source.answer("originals", {})
    source = sources.RunSource(trained_run, digits)
    monkeypatch.setattr(sources, "MOST_KEPT", 2)
    for step in range(5):
        source._kept("thing", step, lambda: bytes(10))
    source._kept("thing", "best", lambda: bytes(10))
    assert list(source._cache) == [("thing", 3), ("thing", 4), ("thing", "best")]
