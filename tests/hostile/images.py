"""Arrays, image files and folders of images that somebody made to harm."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def npy(header: bytes, numbers: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A numpy file with any header."""
    padded = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", min(len(padded), 65_535)) + padded + numbers


def described(shape: str, kind: str = "|u1", order: str = "False", numbers: bytes = b"") -> bytes:
    """A numpy file that claims a shape and a type."""
    text = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}"
    return npy(text.encode(), numbers)


def npz(**arrays: bytes) -> bytes:
    """Such files as one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def saved(**arrays: object) -> bytes:
    """As numpy saves them."""
    file = io.BytesIO()
    np.savez_compressed(file, **{name: np.asarray(values) for name, values in arrays.items()})
    return file.getvalue()


GOOD = np.random.default_rng(0).integers(0, 256, (40, 6, 5), np.uint8)

ARRAYS: dict[str, bytes] = {
    "nothing": b"",
    "no zip": b"PK\x03\x04" + bytes(1000),
    "a bare array": described("(2, 2, 2)", numbers=bytes(8)),
    "an empty zip": npz(),
    "no header": npz(images=b""),
    "a header cut short": npz(images=b"\x93NUMPY\x01\x00\xff\xff{'descr'"),
    "a header of code": npz(images=npy(b"__import__('os').abort()")),
    "a header of depth": npz(images=npy(b"(" * 9000)),
    "a huge header": npz(images=npy(b"{" + b" " * 60_000)),
    "a version to come": npz(images=npy(b"{}", version=b"\x09\x00")),
    "a shape of terabytes": npz(images=described("(1000000, 1000, 1000)")),
    "a shape that overflows": npz(images=described("(4611686018427387904, 4, 4)")),
    "a shape below nothing": npz(images=described("(-1, 4, 4)")),
    "a shape of truth": npz(images=described("(True, 4, 4)")),
    "a shape of text": npz(images=described("'x'")),
    "200 axes": npz(images=described("(" + "1, " * 200 + ")", numbers=b"x")),
    "no images": npz(images=described("(0, 4, 4)")),
    "no pixels": npz(images=described("(4, 0, 4)")),
    "objects": npz(images=described("(4,)", "|O", numbers=b"\x80\x04.")),
    "records": npz(images=described("(4, 4, 4)", "|V8", numbers=bytes(512))),
    "dates": npz(images=described("(4, 4, 4)", "<M8[s]", numbers=bytes(512))),
    "complex numbers": saved(images=GOOD.astype(np.complex64)),
    "long text": npz(images=described("(2, 2, 2)", "<U100000000")),
    "NaN": saved(images=np.full((40, 4, 4), np.nan)),
    "infinities": saved(images=np.full((40, 4, 4), np.inf)),
    "halves": saved(images=GOOD.astype(np.float16)),
    "long doubles": saved(images=GOOD.astype(np.longdouble) / 255),
    "fortran order": saved(images=np.asfortranarray(GOOD)),
    "big end first": saved(images=GOOD.astype(">u2")),
    "zeros of a gigabyte": npz(images=described("(1000, 1000, 1000)", numbers=b"")),
    "truncated numbers": npz(images=described("(40, 6, 5)", numbers=bytes(100))),
    "too many numbers": npz(images=described("(2, 2, 2)", numbers=bytes(100_000))),
    "300 arrays": npz(**{f"a{number}": described("(2,)", numbers=b"ab") for number in range(300)}),
    "labels of objects": npz(
        images=described("(40, 6, 5)", numbers=bytes(1200)), labels=described("(40,)", "|O")
    ),
    "labels of another number": saved(images=GOOD, labels=np.arange(7)),
    "labels of many kinds": saved(images=np.zeros((2000, 2, 2), np.uint8), labels=np.arange(2000)),
    "labels of escapes": saved(images=GOOD, labels=["\x1b[2J", "\u202e"] * 20),
    "labels of long text": saved(images=GOOD, labels=["x" * 5000] * 40),
    "a column of escapes": saved(images=GOOD, **{"\x1b[2J": np.arange(40)}),
    "zeros of 300 megabytes": b"made when asked",
}


def array(word: str) -> bytes:
    """The file of a word."""
    if word != "zeros of 300 megabytes":
        return ARRAYS[word]
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as target,
    ):
        target.write(described("(300, 1024, 1024)"))
        for _ in range(300):
            target.write(bytes(1 << 20))
    return file.getvalue()


# Image files ------------------------------------------------------------------------------------------


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG that claims its sides, with little behind it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def image(kind: str, width: int = 6, height: int = 5, **options: object) -> bytes:
    """An honest image."""
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, kind, **options)
    return file.getvalue()


def _animated() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("L", (6, 5), shade) for shade in range(100)]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _pages() -> bytes:
    file = io.BytesIO()
    pages = [Image.new("L", (6, 5), shade) for shade in range(100)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


IMAGES: dict[str, tuple[str, bytes]] = {
    "nothing": ("png", b""),
    "no image": ("png", b"x" * 10_000),
    "a bomb": ("png", _png(60_000, 60_000)),
    "wide and low": ("png", _png(2**31 - 1, 1)),
    "no sides": ("png", _png(0, 0)),
    "cut": ("png", image("PNG")[:40]),
    "one byte of pixels": ("png", _png(1000, 1000)),
    "a script": ("png", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
    "postscript": ("png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "a BMP bomb": (
        "bmp",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
    ),
    "a GIF": ("png", image("GIF")),
    "a JPEG cut short": ("jpg", image("JPEG")[:200]),
    "a JPEG of scans": ("jpg", image("JPEG") + b"\xff\xda" * 10_000),
    "an animation": ("webp", _animated()),
    "pages": ("tif", _pages()),
    "a TIFF in a circle": ("tif", b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    "another ending": ("jpg", image("PNG")),
}


def _link_out(folder: Path, outside: Path) -> None:
    (folder / "x.png").symlink_to(outside / "secret.png")


def _folder_out(folder: Path, outside: Path) -> None:
    (folder / "class").symlink_to(outside)


def _pipe(folder: Path, outside: Path) -> None:
    os.mkfifo(folder / "x.png")


def _circle(folder: Path, outside: Path) -> None:
    (folder / "x").symlink_to(folder)


def _endless(folder: Path, outside: Path) -> None:
    (folder / "x.png").symlink_to("/dev/zero")


def _no_text(folder: Path, outside: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b[2J.png"))).write_bytes(image("PNG"))


def _classes(folder: Path, outside: Path) -> None:
    for number in range(1500):
        (folder / str(number)).mkdir()
        (folder / str(number) / "x.png").write_bytes(image("PNG"))


def _pipe_as_table(folder: Path, outside: Path) -> None:
    (folder / "x.png").write_bytes(image("PNG"))
    os.mkfifo(folder / "labels.csv")


def _table(folder: Path, outside: Path) -> None:
    (folder / "x.png").write_bytes(image("PNG"))
    (folder / "labels.csv").write_bytes(b"file,\x1b[2J\nx.png," + b"y" * 2_000_000)


FOLDERS: dict[str, Callable[[Path, Path], None]] = {
    made.__name__.strip("_").replace("_", " "): made
    for made in (_link_out, _folder_out, _pipe, _circle, _endless, _no_text, _classes, _pipe_as_table, _table)
}
