"""Run folders and zip files of runs that somebody made to harm, each made of an honest run."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

Content = dict[str, bytes]

# Contents of files ------------------------------------------------------------------------------------

ESC = "\x1b[2J\u202e"

#: What may stand in a JSON file, by a word for it.
JSON: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a number": b"7",
    "a text": b'"x"',
    "a list": b"[]",
    "nothing": b"{}",
    "NaN": b'{"beta": NaN, "name": NaN, "format": NaN}',
    "infinity": b'{"beta": 1e999, "step": 1e999, "format": 1e999}',
    "depth": b"[" * 400_000,
    "depth of objects": b'{"a":' * 150_000,
    "a long number": b'{"format": ' + b"9" * 100_000 + b"}",
    "many numbers": b"[" + b"0," * 450_000 + b"0]",
    "many lists": b"[" + b"[]," * 300_000 + b"[]]",
    "many names": b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b"}",
    "two megabytes": b" " * 2_000_000,
    "no text": b"\xff\xfe\x00" * 100,
    "half a letter": b'{"name": "\\ud800"}',
    "escapes": json.dumps({"name": ESC, "error": ESC * 200, "problem": ESC, "state": ESC}).encode(),
    "cut": b'{"format": 1, "config": {"data"',
}


def header(length: int, text: bytes, numbers: bytes = b"") -> bytes:
    """A safetensors file with any length before its header."""
    return struct.pack("<Q", length) + text + numbers


def tensors(**items: Any) -> bytes:
    """A safetensors file with such a header."""
    text = json.dumps(items).encode()
    return header(len(text), text)


def _one(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [0], "data_offsets": [0, 0], **changes}


def _many(num: int) -> bytes:
    """So many tensors of no numbers, under their numbers."""
    one = json.dumps(_one())
    text = "{" + ", ".join(f'"{number}": {one}' for number in range(num)) + "}"
    return header(len(text), text.encode())


#: What may stand in a weights file.
WEIGHTS: dict[str, bytes] = {
    "empty": b"",
    "seven bytes": b"1234567",
    "a huge header": header(2**63, b"{}"),
    "a header past the end": header(1000, b"{}"),
    "a header of megabytes": header(20_000_000, b" " * 20_000_000),
    "200,000 tensors": _many(200_000),
    "10,000 tensors": _many(10_000),
    "depth": header(500_000, b"[" * 500_000),
    "a list": header(2, b"[]"),
    "a tensor that is a text": tensors(a="x"),
    "a type of no kind": tensors(a=_one(dtype="F1")),
    "a type that is a list": tensors(a=_one(dtype=["F32"])),
    "a shape of terabytes": tensors(a=_one(shape=[1 << 40])),
    "a shape that overflows": tensors(a=_one(shape=[1 << 62, 1 << 62])),
    "nothing, times too much": tensors(a=_one(shape=[0, 1 << 63])),
    "a shape below nothing": tensors(a=_one(shape=[-1])),
    "a shape of fractions": tensors(a=_one(shape=[0.5])),
    "100,000 sides": tensors(a=_one(shape=[1] * 100_000)),
    "places backwards": tensors(a=_one(data_offsets=[8, 0])),
    "places past the end": tensors(a=_one(shape=[4], data_offsets=[0, 16])),
    "a hole": tensors(a=_one(), b=_one(data_offsets=[8, 8])),
    "a state that is none": tensors(__metadata__={"state": "[" * 10_000}),
    "metadata that are none": tensors(__metadata__=7),
    "a version to come": tensors(__metadata__={"latent_lab": "9" * 100}),
    "a pickle": b"\x80\x04cos\nsystem\n(S'false'\ntR.",
    "another model": tensors(a=_one()),
    "escapes": tensors(**{ESC: _one(shape=[1])}),
}

LINE = (
    b'{"split":"train","step":1,"epoch":0.1,"seconds":1,"beta":1,"distortion":1,"rate":1,"elbo":-2,'
    b'"rate_per_dim":[1,0]}\n'
)

#: What may stand in a history.
HISTORY: dict[str, bytes] = {
    "empty": b"",
    "line ends": b"\n" * 500_000,
    "one giant line": b"x" * 5_000_000,
    "one giant object": b'{"event":"%s"}\n' % (b"x" * 3_000_000),
    "depth": b"[" * 1_000_000 + b"\n",
    "100,000 lines": LINE * 100_000,
    "escapes": b'{"event":"\\u001b[2J\\u202e","step":1,"epoch":0,"seconds":0}\n' * 10,
    "infinity": LINE.replace(b'"rate":1', b'"rate":1e999'),
    "no text": b"\xff\x00\n" * 1000,
    "wide lines": LINE.replace(b"[1,0]", b"[" + b"0," * 30_000 + b"0]") * 20,
    "a torn line": LINE + b'{"split":"tr',
}


# A folder whose files are something else ---------------------------------------------------------------


def _pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path, outside: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _link_to_file(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "secret.json")


def _link_to_folder(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _link_to_nothing(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "new")


def _link_in_a_circle(path: Path, outside: Path) -> None:
    path.symlink_to(path)


def _endless(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path, outside: Path) -> None:
    path.mkdir()


def _sparse(path: Path, outside: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 34)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "pipe": _pipe,
    "socket": _socket,
    "link to a file": _link_to_file,
    "link to a folder": _link_to_folder,
    "link to nothing": _link_to_nothing,
    "link in a circle": _link_in_a_circle,
    "endless": _endless,
    "folder": _folder,
    "sparse": _sparse,
}
FILES = (
    "config.json",
    "name.json",
    "status.json",
    "control.json",
    "measurements.json",
    "metrics.jsonl",
    "live.safetensors",
    "latent.safetensors",
    "checkpoints",
    "checkpoints/best.safetensors",
    "checkpoints/last.safetensors",
    "snapshots",
    "lock",
)

# Zip files --------------------------------------------------------------------------------------------


def zipped(content: Content, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file with these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()


def _entry(honest: Content, name: str, data: bytes = b"{}", **fields: Any) -> bytes:
    """An honest run's zip with one more entry, whose fields are as they are given."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, content in honest.items():
            archive.writestr(f"run/{one}", content)
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        for what, value in fields.items():
            setattr(info, what, value)
        archive.writestr(info, data)
    return file.getvalue()


NAMES = (
    "../evil.json", "run/../../evil.json", "/etc/evil.json", "run\\..\\evil.json", "C:evil.json", "run/a\0b.json",
    "run/", "", ".", "..", "run/.hidden.json", "run/snapshots/../../../evil.json", "run/" + "a" * 300 + ".json",
    "run/a/b/c/d/e.json", "other/config.json", "run/CONFIG.JSON", "run/config.json/x.json", "run/evil.py",
    "run/evil.so",
    "run/\u202eevil.json", "run/\x1b[2J.json", "~/evil.json", "run/con.json ", "run//double.json", "run/a.json/",
    "run/ünicode.json",
)  # fmt: skip


def archives(honest: Content) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Zip files by a word for each, made when they are asked for."""
    good = zipped({f"run/{name}": data for name, data in honest.items()})
    yield "nothing", partial(bytes, b"")
    yield "no zip", partial(bytes, b"PK\x03\x04" + b"x" * 1000)
    yield "an empty zip", partial(zipped, {})
    yield "zeros", partial(bytes, bytes(1_000_000))
    for part in (0.1, 0.5, 0.9, 0.999):
        yield f"cut at {part}", partial(bytes, good[: int(part * len(good))])
    yield "something before it", partial(bytes, b"#!/bin/sh\n" + good)
    yield "something behind it", partial(bytes, good + b"x" * 100_000)
    yield "two zips", partial(bytes, good + good)
    for name in NAMES:
        yield f"named {name[:30]!a}", partial(_entry, honest, name)
    for word, kind in {"link": stat.S_IFLNK, "device": stat.S_IFCHR, "pipe": stat.S_IFIFO}.items():
        yield (
            f"a {word}",
            partial(_entry, honest, "run/x.json", b"/etc/passwd", external_attr=(kind | 0o777) << 16),
        )
    yield "encrypted", partial(_entry, honest, "run/x.json", flag_bits=1)
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield (
            f"packing {packing}",
            partial(zipped, {f"run/{name}": data for name, data in honest.items()}, packing),
        )
    yield (
        "3,000 files",
        partial(zipped, {**{f"run/{n}.json": b"{}" for n in range(3000)}, "run/config.json": b"{}"}),
    )
    yield "a zip within", partial(zipped, {"run/config.json": good})
    yield (
        "zeros in a name that no run has",
        partial(_entry, honest, "run/zeros.json", bytes(5_000_000)),
    )
    yield (
        "two runs",
        partial(zipped, {f"{top}/{name}": data for top in "ab" for name, data in honest.items()}),
    )
    yield (
        "no weights",
        partial(zipped, {f"run/{name}": data for name, data in honest.items() if name.endswith(".json")}),
    )
    table = good.rindex(b"PK\x05\x06")
    for word, place, value in (
        ("many entries", 8, struct.pack("<HH", 0xFFFE, 0xFFFE)),
        ("a huge table", 12, struct.pack("<I", 0xFFFFFFF0)),
        ("a table far away", 16, struct.pack("<I", 0xFFFFFFF0)),
        ("64 bits", 8, b"\xff" * 12),
    ):
        changed = bytearray(good)
        changed[table + place : table + place + len(value)] = value
        yield f"claims {word}", partial(bytes, bytes(changed))
    first = good.index(b"PK\x01\x02")
    for word, place in (("packed size", 20), ("size", 24), ("checksum", 16), ("place", 42)):
        changed = bytearray(good)
        changed[first + place : first + place + 4] = struct.pack("<I", 0x7FFFFFF0)
        yield f"lies about its {word}", partial(bytes, bytes(changed))
    for word, data in JSON.items():
        yield f"config.json: {word}", partial(zipped, {**honest, "config.json": data})
    for word, data in WEIGHTS.items():
        yield f"weights: {word}", partial(zipped, {**honest, "checkpoints/best.safetensors": data})
    for word, data in HISTORY.items():
        yield f"history: {word}", partial(zipped, {**honest, "metrics.jsonl": data})
