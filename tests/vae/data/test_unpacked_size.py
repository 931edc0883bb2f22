"""Small files that claim to hold much are refused before anything is unpacked."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.hostile.measured import cost
from vae.config.schema import DataConfig
from vae.data import unpacked_size
from vae.data.dataset import load_dataset
from vae.data.types import DataError
from vae.data.unpacked_size import check_room, free_memory


def zeros(path: Path, shape: tuple[int, ...], kind: str = "|u1", *, fortran: bool = False) -> Path:
    """An .npz of zeros, packed; nothing of the array's size is ever made."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": fortran, "shape": shape})
    left = int(np.prod(shape)) * np.dtype(kind).itemsize
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("images.npy", "w") as file:
        file.write(header.getvalue())
        while left:
            left -= file.write(bytes(min(left, 1 << 20)))
    return path


@pytest.mark.parametrize(
    ("shape", "kind", "fortran"),
    [((400, 1024, 1024), "|u1", False), ((50, 1024, 1024), "<f8", False), ((100, 1024, 1024), "<f4", True)],
    ids=["bytes", "doubles", "fortran order"],
)
def test_a_small_file_of_zeros_costs_no_memory(
    shape: tuple[int, ...], kind: str, fortran: bool, tmp_path: Path
) -> None:
    path = zeros(tmp_path / "zeros.npz", shape, kind, fortran=fortran)
    assert path.stat().st_size < 500_000
    with pytest.raises(DataError, match="must not unpack to more than 150 times their file"):
        load_dataset(DataConfig(name="npz", path=path))


def test_the_command_line_refuses_a_file_of_zeros_in_little_memory(tmp_path: Path) -> None:
    path = zeros(tmp_path / "zeros.npz", (400, 1024, 1024))
    found = cost("-m", "vae", "train", "--run-dir", tmp_path / "r", "--data.name", "npz", "--data.path", path)
    assert found.code == 2
    assert found.output.startswith("error: images in ")
    assert found.mebibytes < 900  # torch alone takes 500


def test_a_folder_of_blank_images_costs_no_memory(tmp_path: Path) -> None:
    blank = io.BytesIO()
    Image.new("L", (1024, 1024)).save(blank, "PNG", optimize=True)
    for number in range(150):
        (tmp_path / f"{number}.png").write_bytes(blank.getvalue())
    with pytest.raises(DataError, match="must not unpack to more than 150 times their file"):
        load_dataset(DataConfig(name="folder", path=tmp_path))


def test_sprites_that_pack_well_have_room() -> None:
    check_room(3_019_898_880 // 8, 27_000_000 // 8, "dSprites")  # 112 to 1
    check_room(100 << 20, 1, "what is small anyway")


def test_images_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (free_memory() or 0) > 1 << 20
    monkeypatch.setattr(unpacked_size, "free_memory", lambda: 1000)
    with pytest.raises(DataError, match="must fit into memory 2 times"):
        check_room(501, 501, "images")
    check_room(500, 500, "images")


def test_an_image_file_is_no_larger_than_an_image(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("ab") as file:
        file.truncate(10 << 30)  # of nothing
    with pytest.raises(DataError, match=r"a\.png must have at most 33,554,432 bytes"):
        load_dataset(DataConfig(name="folder", path=tmp_path))


def test_a_jpeg_of_endless_scans_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.effect_noise((1000, 1000), 50).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    start = data.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(data[:start] + data[start:-2] * 60 + b"\xff\xda" * 200 + data[-2:])
    with pytest.raises(DataError, match="must have at most 100 scans"):
        load_dataset(DataConfig(name="folder", path=tmp_path))
