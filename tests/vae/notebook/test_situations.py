"""Widgets of all kinds of models and images, and what becomes of one whose run is deleted or whose cell is gone."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import vae
from tests.conftest import MakeInfo
from vae.browser import packed_arrays
from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.models.vae import VAE
from vae.notebook import sources
from vae.notebook.picture import GAP, SIDE
from vae.runs.run import Run

pytestmark = pytest.mark.usefixtures("one_core")

#: What is unlike the digits' run, by name: options of the model, and of the images.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one dimension": ({"latent_dim": 1}, {}),
    "twenty dimensions": ({"latent_dim": 20}, {}),
    "conditional": ({"latent_dim": 2, "conditional": True}, {}),
    "colour": ({"latent_dim": 2}, {"channels": 3}),
    "conv": ({"latent_dim": 3, "network": "conv"}, {"channels": 3, "height": 8, "width": 8}),
    "without labels": ({"latent_dim": 2}, {"num_classes": 0}),
}


def model_of(kind: str, make_info: MakeInfo) -> tuple[VAE, tuple[np.ndarray[Any, Any], Any]]:
    """A small model and images for it."""
    options, of_images = KINDS[kind]
    info = make_info(**of_images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VAE(ModelConfig(**{"hidden": (6,), "channels": (2, 3), **options}), info)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, info.channels, info.height, info.width), np.uint8)
    labels = np.arange(30) % info.num_classes if info.num_classes else None
    return model, (images, labels)


def picture_of(widget: Any) -> Image.Image:
    data, _ = widget._repr_mimebundle_()
    return Image.open(io.BytesIO(base64.b64decode(data["image/png"])))


def hear(
    widget: Any, path: str, monkeypatch: pytest.MonkeyPatch, **query: Any
) -> tuple[dict[str, Any], list[bytes]]:
    """The kernel's answer to a question of the page."""
    sent: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(widget, "send", lambda content, buffers=None: sent.append((content, buffers or [])))
        widget._hear(widget, {"kind": "get", "id": "a", "path": path, "query": query}, [])
    found: tuple[dict[str, Any], list[bytes]] = sent[-1]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_shown(
    kind: str, make_info: MakeInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, data = model_of(kind, make_info)
    widget = vae.show(model, data)
    told = widget._told
    assert told["missing"] == {} and told["parts"]["map"]["num"] == 30
    assert len(told["parts"]["sliders"]["dims"]) == model.config.latent_dim
    assert told["parts"]["image"]["classes"] == (["0", "1", "2"] if model.config.conditional else [])
    json.dumps(told, allow_nan=False)
    assert picture_of(widget).size == (2 * SIDE + GAP, SIDE)
    for path in ("decoder.onnx", "encoder.onnx", "latent", "snapshots"):
        content, buffers = hear(widget, path, monkeypatch)
        assert content["kind"] == "answer" and len(buffers[0]) > 20, path
    widget.close()


def test_the_class_is_set_and_read(make_info: MakeInfo) -> None:
    model, data = model_of("conditional", make_info)
    widget = vae.show(model, data)
    assert widget.value["class"] == 0
    widget.value = {"class": 2}
    assert widget.value == {"point": [0.0, 0.0], "class": 2, "selection": []}
    widget.value = {"class": np.int64(1), "point": torch.tensor([0.5, 0.25])}
    assert widget.value["class"] == 1 and type(widget.value["class"]) is int
    for strange in (-1, 3, 1.5, "1", None, True):
        with pytest.raises(UserError, match=r"value\['class'\] must be a class from 0 to 2"):
            widget.value = {"class": strange}
    assert widget.value["class"] == 1
    widget.close()


def test_a_conditional_model_whose_images_have_no_labels_has_sliders_and_says_why_no_map(
    make_info: MakeInfo,
) -> None:
    model, (images, _) = model_of("conditional", make_info)
    widget = vae.show(model, images)
    assert widget._told["parts"]["sliders"]["dims"]
    assert widget._told["parts"]["map"] is None and "label" in widget._told["missing"]["map"]
    assert picture_of(widget).size == (SIDE, SIDE)
    widget.close()


def test_labels_that_the_model_does_not_know_have_the_names_of_the_images(make_info: MakeInfo) -> None:
    model, (images, _) = model_of("without labels", make_info)
    widget = vae.show(model, (images, np.arange(30) % 5))
    assert len(widget._told["parts"]["map"]["classes"]) == 5
    assert len(widget._told["parts"]["map"]["palette"]["light"]) == 5
    widget.close()


def test_a_model_in_training_goes_on_training(trained_run: Run, digits: Dataset) -> None:
    model = vae.load_model(trained_run).train().requires_grad_(True)
    widget = vae.show(model, digits)
    assert model.training and all(weight.requires_grad for weight in model.parameters())
    before = widget._source.model().decoder
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert any(bool(weight.any()) for weight in before.parameters())  # what is shown does not move
    widget.close()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((30, 5, 5), np.uint8), "images must have the shape"),
        (np.zeros((30, 3, 8, 8), np.uint8), "images must have the shape"),
        (np.zeros((0, 8, 8), np.uint8), "images"),
        (np.full((30, 8, 8), np.nan, np.float32), "images"),
        ({"pictures": 3}, "data must name its images"),
        (iter([1]), "a generator"),
    ],
)
def test_what_are_no_images_of_the_model_is_refused(trained_run: Run, data: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        vae.show(vae.load_model(trained_run), data)
    assert "\n" not in str(error.value) and len(str(error.value)) <= 400


def test_more_images_than_are_looked_at_are_said(
    trained_run: Run, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST_SHOWN", 50)
    model = vae.load_model(trained_run)
    for data, num in ((digits, len(digits.test)), (digits.images[:400].numpy(), 400)):
        widget = vae.show(model, data)
        assert widget._told["parts"]["map"]["num"] == 50
        (note,) = [note for note in widget._told["notes"] if "evenly" in note]
        assert f"50 of {num:,} images are shown" in note
        widget.close()
    whole = trained_run.show(digits)  # a run's own: what it keeps of them is there already
    assert whole._told["parts"]["map"]["num"] == len(digits.test) and whole._told["notes"] == []
    whole.close()


def test_what_was_made_of_the_images_is_said(trained_run: Run, digits: Dataset) -> None:
    images = digits.images[:60].float().numpy() / 8 - 1
    widget = vae.show(vae.load_model(trained_run), images)
    assert any("values from -1 to 1" in note for note in widget._told["notes"])
    widget.close()


def test_other_images_than_the_runs_own_are_embedded_anew(
    trained_run: Run, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = digits.images[:40].numpy()
    widget = trained_run.show((others, digits.labels[:40].numpy()))  # type: ignore[index]
    _, (packed,) = hear(widget, "latent", monkeypatch)
    arrays, _ = packed_arrays.unpack(packed)
    assert arrays["index"].tolist() == list(range(40))
    widget.close()


def test_a_run_that_is_deleted_under_its_widget_answers_in_sentences(
    trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "doomed"
    shutil.copytree(trained_run.path, folder)
    widget = Run.open(folder).show()
    shutil.rmtree(folder)
    for path in ("decoder.onnx", "latent", "snapshots", "terms"):
        content, _ = hear(widget, path, monkeypatch, at="best")
        assert content["kind"] in ("refusal", "answer"), path
        if content["kind"] == "refusal":
            assert "This failed in the kernel" not in content["error"] and len(content["error"]) <= 400, path
    assert widget._follower._thread.is_alive()
    widget.value = {"selection": [1]}
    assert picture_of(widget).size[1] > 0
    widget.close()
    assert not widget._follower._thread.is_alive()


def test_a_widget_whose_cell_is_gone_stops_looking(trained_run: Run) -> None:
    widget = trained_run.show(parts=["image"])
    widget.comm.close()
    widget._follower.again()
    widget._follower._thread.join(10)
    assert not widget._follower._thread.is_alive()


def test_each_part_has_its_picture(trained_run: Run, digits: Dataset, tmp_path: Path) -> None:
    for parts, num in (
        (["image"], 1),
        (["map"], 1),
        (["curves"], 1),
        (["sliders", "image", "map", "curves"], 3),
    ):
        widget = trained_run.show(digits, parts=parts)
        picture = picture_of(widget)
        assert picture.size == (num * (SIDE + GAP) - GAP, SIDE), parts
        assert len(picture.getcolors(1 << 20) or []) > 10
        assert base64.b64decode(widget._picture)[:4] == b"\x89PNG"  # for where the kernel does not answer
        widget.close()
    config = RunConfig(model=ModelConfig(latent_dim=2, hidden=(6,)), train=TrainConfig(epochs=1))
    new = Run.create(tmp_path / "new", config, digits.info()).show()
    assert picture_of(new).size[1] < 100  # a sentence
    new.close()


def test_a_widget_shown_twice_is_one_model(trained_run: Run) -> None:
    widget = trained_run.show(parts=["image"])
    kind = "application/vnd.jupyter.widget-view+json"
    first, second = (widget._repr_mimebundle_()[0][kind] for _ in range(2))
    assert first["model_id"] == second["model_id"]
    widget.close()
