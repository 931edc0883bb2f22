"""Own images are looked at before anything is trained on them; zips and folders that are sent become one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae.config.schema import DataConfig
from vae.config.suggestions import ImageTraits, suggest_for
from vae.data.dataset import check_fits, load_dataset
from vae.data.inspection import inspect_images
from vae.data.packing import pack_files, pack_zip
from vae.data.types import DataError


def picture(side: int, *, colour: bool = False, seed: int = 0, binary: bool = False) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (side, side, 3 if colour else 1), dtype=np.uint8)
    if binary:
        values = np.where(values > 127, 255, 0).astype(np.uint8)
    return Image.fromarray(values if colour else values[..., 0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four classes of ten colour images each, and what is none."""
    root = tmp_path / "flowers"
    for number, name in enumerate(("iris", "lily", "rose", "tulip")):
        (root / name).mkdir(parents=True)
        for k in range(10):
            picture(64, colour=True, seed=10 * number + k).save(root / name / f"{k}.png")
    (root / "rose" / "notes.txt").write_text("not an image")
    return root


def test_folder_is_told_in_one_line_with_images_of_each_class_and_what_was_left_out(folder: Path) -> None:
    found = inspect_images(DataConfig(name="folder", path=folder))
    assert found.summary() == "40 images, 64×64, colour, 4 classes"
    assert found.shown.shape == (24, 3, 64, 64)
    assert found.labels is not None
    assert {found.class_names[label] for label in found.labels} == {"iris", "lily", "rose", "tulip"}
    assert any("notes.txt" in sentence for sentence in found.reading.warnings())


@pytest.mark.parametrize(
    ("images", "labels", "summary"),
    [
        (np.zeros((7, 9, 12), np.uint8), None, "7 images, 12×9, black and white, no labels"),
        (np.full((1, 8, 8), 100, np.uint8), None, "1 image, 8×8, grey, no labels"),
        (np.full((6, 5, 5, 3), 90, np.uint8), np.array([0, 1] * 3), "6 images, 5×5, colour, 2 classes"),
    ],
)
def test_file_is_told_in_one_line(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray | None, summary: str
) -> None:
    images.flat[0] = 255
    path = tmp_path / "own.npz"
    np.savez(path, images=images, **({} if labels is None else {"labels": labels}))
    assert inspect_images(DataConfig(name="npz", path=path)).summary() == summary


def test_file_too_large_for_a_look_is_told_without_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.data.inspection.MOST_BYTES", 100)
    path = tmp_path / "own.npz"
    np.savez(path, images=np.zeros((7, 9, 12), np.uint8))
    found = inspect_images(DataConfig(name="npz", path=path))
    assert (found.num_images, found.height, found.width, len(found.shown)) == (7, 9, 12, 0)


def test_folder_of_several_sizes_is_refused_at_the_look(folder: Path) -> None:
    for number in range(5):
        picture(32, colour=True).save(folder / "iris" / f"{number}.png")
    with pytest.raises(DataError, match="must all have one size"):
        inspect_images(DataConfig(name="folder", path=folder))


# Settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "network", "likelihood", "dims"),
    [
        (ImageTraits(4000, 3, 64, 64, False), "conv", "gaussian-learned", 32),
        (ImageTraits(60_000, 1, 28, 28, True), "mlp", "bernoulli", 10),
        (ImageTraits(300, 1, 48, 48, False), "conv", "continuous-bernoulli", 32),
        (ImageTraits(20, 3, 2, 2, False), "mlp", "gaussian-learned", 12),
        (ImageTraits(1500, 1, 8, 8, True), "mlp", "bernoulli", 2),
        (ImageTraits(100_000, 3, 256, 128, False), "conv", "gaussian-learned", 32),
    ],
)
def test_settings_follow_from_size_colour_and_number(
    traits: ImageTraits, network: str, likelihood: str, dims: int
) -> None:
    config, reasons = suggest_for(DataConfig(name="npz", path=Path("own.npz")), traits)
    assert (config.model.network, config.model.likelihood, config.model.latent_dim) == (
        network,
        likelihood,
        dims,
    )
    assert config.train.batch_size <= traits.num_images
    assert all(reason and not reason.endswith(".") for reason in reasons)


def test_settings_of_a_look_can_be_trained_with(folder: Path) -> None:
    data = DataConfig(name="folder", path=folder)
    config, _ = inspect_images(data).suggestion(data)
    check_fits(config, load_dataset(config.data))


# What is sent -------------------------------------------------------------------------------------------------------


def zipped(root: Path, wrap: str = "") -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                archive.write(path, wrap + path.relative_to(root).as_posix())
    file.seek(0)
    return file


def from_zip(root: Path, target: Path) -> list[str]:
    with target.open("wb") as file:
        return pack_zip(zipped(root, "flowers/"), "flowers.zip", file).warnings()


def from_files(root: Path, target: Path) -> list[str]:
    paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
    each = ((path.relative_to(root.parent).as_posix(), path.open("rb")) for path in paths)
    with target.open("wb") as file:
        return pack_files(each, len(paths), "flowers", file).warnings()


@pytest.mark.parametrize("send", [from_zip, from_files])
def test_what_is_sent_holds_the_same_images_and_classes(
    folder: Path, tmp_path: Path, send: Callable[[Path, Path], list[str]]
) -> None:
    target = tmp_path / "sent.npz"
    warnings = send(folder, target)
    assert any("notes.txt" in sentence for sentence in warnings)
    sent = load_dataset(DataConfig(name="npz", path=target))
    here = load_dataset(DataConfig(name="folder", path=folder))
    assert (sent.images == here.images).all()
    assert (sent.labels == here.labels).all()  # type: ignore[union-attr]
    assert sent.class_names == here.class_names


def test_given_parts_and_columns_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "parts"
    for part, num in (("train", 6), ("test", 3)):
        (root / part / "a").mkdir(parents=True)
        for k in range(num):
            picture(8, seed=k).save(root / part / "a" / f"{k}.png")
    from_zip(root, tmp_path / "parts.npz")
    assert len(load_dataset(DataConfig(name="npz", path=tmp_path / "parts.npz")).test) == 3
    root = tmp_path / "columns"
    root.mkdir()
    for k in range(4):
        picture(8, seed=k).save(root / f"{k}.png")
    (root / "labels.csv").write_text("file,age,kind\n" + "".join(f"{k}.png,{k}.5,x{k}\n" for k in range(4)))
    from_zip(root, tmp_path / "columns.npz")
    columns = load_dataset(DataConfig(name="npz", path=tmp_path / "columns.npz")).columns
    assert {column.name for column in columns.found} == {"age", "kind"}


@pytest.mark.parametrize("name", ["../out.png", "/etc/out.png", "a/../../out.png", "a/b/c/d/e/f/g/h/i.png"])
def test_name_that_leads_elsewhere_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"x")
    file.seek(0)
    with pytest.raises(DataError, match="stays inside"), (tmp_path / "own.npz").open("wb") as target:
        pack_zip(file, "own.zip", target)


def test_zip_that_unpacks_to_more_than_we_take_is_refused_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.data.packing.MAX_BYTES", 1 << 20)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", b"\0" * (4 << 20))
    file.seek(0)
    with pytest.raises(DataError, match="unpacked, got more"), (tmp_path / "own.npz").open("wb") as target:
        pack_zip(file, "own.zip", target)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"x" * 1000])
def test_what_is_no_zip_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="not a whole zip file"), (tmp_path / "own.npz").open("wb") as target:
        pack_zip(io.BytesIO(content), "own.zip", target)
