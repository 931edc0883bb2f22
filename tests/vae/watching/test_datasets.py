"""What people train on is taken as it is: arrays, torch data sets and loaders, batches, dicts; on its own scale."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)

from tests.support.loops import Net, lines_of, pixels, seeded, train, watch
from vae.data.dataset import Dataset as OurDataset
from vae.data.types import DataError
from vae.evaluation.elbo import evaluate
from vae.watching.datasets import MOST_READ, Given, given

RNG = np.random.default_rng(0)
#: Bytes, all different images, black and white among them.
BYTES = RNG.integers(0, 256, (60, 8, 8), np.uint8)
BYTES[0, 0, :2] = 0, 255
LABELS = np.arange(60) % 3
FLOATS = torch.from_numpy(BYTES).float()[:, None] / 255


class Items(Dataset[Any]):
    """Items of one's own making, with noise that is drawn when one is read."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make, self.num_read = make, 0

    def __len__(self) -> int:
        return len(BYTES)

    def __getitem__(self, place: int) -> Any:
        self.num_read += 1
        random.random(), torch.rand(1), np.random.rand()
        if place >= len(self):
            raise IndexError(place)
        return self.make(place)


class Sequence:
    """Not a torch data set, and used like one."""

    def __len__(self) -> int:
        return len(BYTES)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"image": Image.fromarray(BYTES[int(place)]), "label": int(LABELS[int(place)])}


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(FLOATS)


def loader(dataset: Any, **options: Any) -> DataLoader[Any]:
    return DataLoader(dataset, batch_size=7, shuffle="sampler" not in options, **options)


def batches() -> list[Any]:
    return [(FLOATS[i : i + 7], torch.from_numpy(LABELS[i : i + 7])) for i in range(0, 60, 7)]


def read(data: Any, tmp_path: Path, **options: Any) -> Given:
    return given(data, tmp_path / "own", 0.1, **options)


KINDS: dict[str, tuple[Callable[[], Any], bool]] = {
    "bytes": (lambda: BYTES, False),
    "bytes with labels": (lambda: (BYTES, LABELS), True),
    "labels that are none": (lambda: (BYTES, None), False),
    "tensors": (lambda: (FLOATS, torch.from_numpy(LABELS)), True),
    "list": (lambda: list(BYTES), False),
    "flat": (lambda: FLOATS.flatten(1), False),
    "half precision": (lambda: FLOATS.half(), False),
    "dict": (lambda: {"x": FLOATS, "y": LABELS}, True),
    "dict of a scikit-learn set": (lambda: {"images": BYTES, "target": LABELS}, True),
    "dict of parts": (
        lambda: {"x_train": BYTES, "y_train": LABELS, "x_test": BYTES[:9], "y_test": LABELS[:9]},
        True,
    ),
    "dict of parts without labels": (lambda: {"train": BYTES, "test": BYTES[:9]}, False),
    "as Keras loads them": (lambda: ((BYTES, LABELS), (BYTES[:9], LABELS[:9])), True),
    "as scikit-learn splits them": (lambda: (BYTES, BYTES[:9], LABELS, LABELS[:9]), True),
    "one part after the other": (lambda: (BYTES, LABELS, BYTES[:9], LABELS[:9]), True),
    "something beside": (lambda: (BYTES, LABELS, np.arange(60.0)), True),
    "labels as Python objects": (lambda: (BYTES, LABELS.astype(object)), True),
    "images as Python objects": (lambda: (BYTES.astype(object), LABELS), True),
    "masked arrays without a mask": (lambda: (np.ma.array(BYTES), np.ma.array(LABELS)), True),
    "sparse": (lambda: FLOATS.to_sparse(), False),
    "one-hot labels": (lambda: (BYTES, np.eye(3)[LABELS]), True),
    "labels as a column of floats": (lambda: (BYTES, LABELS[:, None].astype(float)), True),
    "TensorDataset": (lambda: TensorDataset(FLOATS), False),
    "TensorDataset with labels": (lambda: TensorDataset(FLOATS, torch.from_numpy(LABELS)), True),
    "Subset of all": (lambda: Subset(TensorDataset(FLOATS, torch.from_numpy(LABELS)), range(60)), True),
    "ConcatDataset": (
        lambda: ConcatDataset(
            [Subset(TensorDataset(FLOATS), range(40)), Subset(TensorDataset(FLOATS), range(40, 60))]
        ),
        False,
    ),
    "own data set of tensors": (lambda: Items(lambda i: FLOATS[i]), False),
    "own data set of pairs": (lambda: Items(lambda i: (FLOATS[i], int(LABELS[i]))), True),
    "own data set of dicts": (
        lambda: Items(lambda i: {"pixel_values": FLOATS[i], "labels": LABELS[i]}),
        True,
    ),
    "own data set of pictures": (lambda: Items(lambda i: (Image.fromarray(BYTES[i]), int(LABELS[i]))), True),
    "own data set with something else beside": (
        lambda: Items(lambda i: (FLOATS[i], {"name": str(i)})),
        False,
    ),
    "something like a data set": (Sequence, True),
    "loader": (lambda: loader(TensorDataset(FLOATS, torch.from_numpy(LABELS))), True),
    "loader of an own data set": (lambda: loader(Items(lambda i: (FLOATS[i], int(LABELS[i])))), True),
    "loader that puts together itself": (
        lambda: loader(
            Items(lambda i: (BYTES[i], int(LABELS[i]))),
            collate_fn=lambda items: (
                torch.stack([torch.from_numpy(x).float() / 255 for x, _ in items]),
                torch.tensor([y for _, y in items]),
            ),
        ),
        True,
    ),
    "batches": (batches, True),
    "batches of images alone": (lambda: [FLOATS[i : i + 7] for i in range(0, 60, 7)], False),
    "two loaders": (lambda: (loader(TensorDataset(FLOATS)), loader(TensorDataset(FLOATS[:5]))), False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_images_and_labels_are_those_that_were_handed_over(kind: str, tmp_path: Path) -> None:
    make, has_labels = KINDS[kind]
    data = make()
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    found = read(data, tmp_path)
    images = found.dataset.images
    assert images.shape == (60, 1, 8, 8)
    assert torch.equal(images[:, 0], torch.from_numpy(BYTES))
    assert (found.dataset.labels is not None) is has_labels
    if has_labels:
        assert found.dataset.labels is not None and found.dataset.labels.tolist() == LABELS.tolist()
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    assert np.random.get_state()[1].tolist() == states[2]  # type: ignore[index]
    if isinstance(data, DataLoader):
        assert (found.batch_size, found.num_images) == (7, 60)
    if isinstance(data, Items):
        assert data.num_read == 0, "what a data set counts is put back"


def test_a_folder_of_torchvision_is_read_through_its_transforms(tmp_path: Path) -> None:
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    for place in range(12):
        folder = tmp_path / "pictures" / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (6, 6, 3), np.uint8)).save(folder / f"{place}.png")
    whole = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
    found = read(ImageFolder(tmp_path / "pictures", whole), tmp_path)
    assert found.dataset.images.shape == (12, 3, 6, 6)
    assert (found.scale.low, found.scale.high) == (-1, 1)
    assert found.dataset.labels is not None and found.dataset.labels.tolist() == [0] * 6 + [1] * 6


def test_only_what_a_sampler_draws_is_taken(tmp_path: Path) -> None:
    data = loader(TensorDataset(FLOATS), sampler=SubsetRandomSampler(range(10, 40)))
    found = read(data, tmp_path)
    assert torch.equal(found.dataset.images[:, 0], torch.from_numpy(BYTES[10:40]))
    assert found.num_images == 30


def test_a_loader_that_drops_the_last_batch_has_shorter_epochs(tmp_path: Path) -> None:
    assert read(loader(TensorDataset(FLOATS), drop_last=True), tmp_path).num_images == 56


def test_very_many_items_are_read_in_part_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_READ > 10_000
    monkeypatch.setattr("vae.watching.datasets.MOST_READ", 20)
    found = read(Items(lambda i: FLOATS[i]), tmp_path)
    assert len(found.dataset.images) == 20 and found.num_images == 60
    assert any("20 of the 60 images are read" in sentence for sentence in found.guesses)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (Stream(), "which is a stream; pass some of its images as arrays"),
        (DataLoader(Stream()), "which is a stream"),
        ((x for x in FLOATS), "got a generator, which can be read once"),
        (TensorDataset(FLOATS[:0]), "got an empty dataset"),
        ({"a": 1, "b": 2}, "data must name its images, got a dict of a, b"),
        (Items(lambda i: FLOATS[i, :, : 4 + i % 2]), "images must all have one shape"),
    ],
)
def test_what_cannot_be_read_again_is_refused_with_its_remedy(
    data: Any, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refusal:
        read(data, tmp_path)
    assert sentence in str(refusal.value)
    assert not (tmp_path / "own").exists()


# The scale of images --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        (lambda x: x, 0, 1),
        (lambda x: 2 * x - 1, -1, 1),
        (lambda x: 255 * x, 0, 255),
        (lambda x: (x - 0.1307) / 0.3081, -0.1307 / 0.3081, (1 - 0.1307) / 0.3081),
        (lambda x: 16 * x, 0, 16),
    ],
)
def test_networks_get_the_numbers_that_the_loop_has(
    change: Callable[[Tensor], Tensor], low: float, high: float, tmp_path: Path
) -> None:
    data = change(FLOATS)
    found = read(data, tmp_path)
    assert (found.scale.low, found.scale.high) == pytest.approx((low, high), rel=1e-4)
    back = found.scale.applied(found.dataset.pixels(found.dataset.images))
    torch.testing.assert_close(back, data, rtol=1e-4, atol=1e-4 * (high - low))
    assert bool(found.guesses) is ((low, high) != (0, 1))


def test_a_scale_that_is_said_goes_before_what_is_seen(tmp_path: Path) -> None:
    found = read(FLOATS, tmp_path, scale=(-1, 1))
    assert (found.scale.low, found.scale.high) == (-1, 1) and found.is_scale_said


def squared_error(sigma: float) -> Any:
    """The loop of somebody with images from −1 to 1, a tanh, and a Gaussian of this σ."""

    def step(model: Any, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        mean, log_var = model.encode(x)
        image = torch.tanh(model.decode(mean + torch.exp(log_var / 2) * torch.randn_like(mean)))
        reconstruction = (image - x.flatten(1)).square().sum(1).mean() / (2 * sigma**2)
        kl = -0.5 * (1 + log_var - mean.square() - log_var.exp()).sum(1).mean()
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    return step


@pytest.mark.parametrize("sigma", [None, 0.3])
def test_a_tanh_on_images_from_minus_one_is_a_gaussian_whose_numbers_are_the_loops(
    sigma: float | None, tmp_path: Path, digits: OurDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    model = seeded(Net)
    images = 2 * pixels(digits) - 1
    watcher = watch(
        tmp_path / "own",
        encoder=model.encode,
        decoder=nn.Sequential(model.out, nn.Tanh()),
        data=images.flatten(1),
        **({} if sigma is None else {"sigma": sigma}),
    )
    train(model, images, watcher, squared_error(0.5**0.5 if sigma is None else sigma), steps=12)
    watcher.close()
    assert "black as -1 and white as 1; pass scale=" in capsys.readouterr().err
    event = lines_of(watcher.run, "scale")[-1]
    assert event["reconstruction_ratio"] == pytest.approx(1, rel=0.1)
    assert event["effective_beta"] == pytest.approx(1, rel=0.2)
    # And independently: the density of x in the loop's own numbers, from which that of the pixels follows.
    dataset = watcher.dataset
    x = 2 * dataset.pixels(dataset.part("test")[0]).flatten(1) - 1
    used = 0.5**0.5 if sigma is None else sigma
    with torch.no_grad():
        mean, log_var = model.encode(x)
        torch.manual_seed(0)
        draws = []
        for _ in range(20):
            made = torch.tanh(model.decode(mean + torch.exp(log_var / 2) * torch.randn_like(mean)))
            density = torch.distributions.Normal(made, used).log_prob(x).sum(1) + 64 * np.log(2)
            draws.append(-density.mean())
    expected = float(torch.stack(draws).mean())
    found = evaluate(watcher._watched.model, dataset, "test")
    assert found.distortion == pytest.approx(expected, rel=0.02, abs=0.5)


def test_text_as_python_objects_is_classes(tmp_path: Path) -> None:
    names = np.array([f"c{label}" for label in LABELS], dtype=object)  # as a column of a data frame is
    assert read((BYTES, names), tmp_path).dataset.class_names == ("c0", "c1", "c2")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_or_folder_may_be_named(as_text: bool, tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=BYTES, labels=LABELS)
    path = tmp_path / "images.npz"
    found = read(str(path) if as_text else path, tmp_path).dataset
    assert len(found.images) == 60 and found.config.path == path


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "must be images, got NoneType"),
        (7, "must be images, got int"),
        ("none.npz", "cannot be read"),
        ((BYTES, np.ma.array(LABELS, mask=LABELS == 0)), "20 of 60 masked"),
        ((BYTES, np.array([*LABELS[:59], "a"], dtype=object)), "of one kind"),
        ((BYTES, np.array([*LABELS[:59], None], dtype=object)), "NoneType"),
        (([BYTES[0], BYTES[1, :4]], None), "one shape"),
        (Items(lambda place: 1 // (place - 3)), "item 3 says"),
        (Items(lambda place: FLOATS[place + 30]), "item 30 says"),
    ],
)
def test_what_cannot_be_taken_is_one_sentence(data: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words) as found:
        read(data, tmp_path)
    assert str(found.value).isprintable() and len(str(found.value)) <= 400


@pytest.mark.parametrize("scale", [(1, 1), (1, 0), (float("nan"), 1), (0, float("inf")), ("a", "b"), (0,), 5])
def test_a_scale_that_is_none_is_refused(scale: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two numbers"):
        read(FLOATS, tmp_path, scale=scale)
