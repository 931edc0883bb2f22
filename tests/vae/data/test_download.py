"""Downloads through torchvision: whole, or nothing and a sentence.

No test here leaves this machine: torchvision's addresses are replaced by a small server on 127.0.0.1, or a closed port.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.server
import io
import os
import socket
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support.mnist_files import MNIST_FILES, put, tiny
from vae.config.schema import DataConfig
from vae.data import download as downloads
from vae.data.dataset import load_dataset
from vae.data.readers.torchvision import download, is_downloaded
from vae.data.types import DataError


def sentence_of(error: pytest.ExceptionInfo[DataError]) -> str:
    """The message, after a check that it is one line with a remedy."""
    assert "\n" not in str(error.value)
    assert "; " in str(error.value)
    return str(error.value)


class Server(http.server.ThreadingHTTPServer):
    """Serves bytes by path, and counts what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.missing_bytes = 0
        self.answers = threading.Event()
        self.answers.set()
        self.address = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        name = self.path.removeprefix("/")
        server.asked.append(name)
        server.answers.wait(30)
        if name not in server.files:
            self.send_error(404)
            return
        content = server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - server.missing_bytes])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address at which nobody listens."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


def offer(
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
    mirrors: list[str],
    name: str = "MNIST",
    *,
    damage: bool = False,
) -> None:
    """Let torchvision's own class know other addresses, and the checksums of tiny files."""
    from torchvision import datasets

    served = {f"{file}.gz": gzip.compress(content) for file, content in tiny().items()}
    checksums = [(file, hashlib.md5(content).hexdigest()) for file, content in served.items()]
    server.files = {file: content[::-1] if damage else content for file, content in served.items()}
    monkeypatch.setattr(getattr(datasets, name), "mirrors", mirrors)
    monkeypatch.setattr(getattr(datasets, name), "resources", checksums)


def everything_in(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")]
)
def test_a_download_brings_the_files_torchvision_reads_and_leaves_nothing_else(
    name: str, folder: str, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision import datasets

    offer(monkeypatch, server, [server.address], folder)
    root = tmp_path / "new" / "root"
    assert download(name, root) == root
    assert everything_in(root) == sorted(f"{folder}/raw/{file}" for file in MNIST_FILES)
    assert [path.name for path in root.iterdir()] == [folder]
    assert is_downloaded(name, root)
    dataset = load_dataset(DataConfig(name=name, root=root))
    assert torch.equal(dataset.images[:20, 0], getattr(datasets, folder)(root).data)
    assert server.asked == [f"{file}.gz" for file in MNIST_FILES]
    download(name, root)
    assert len(server.asked) == 4, "what is there is not downloaded again"


def test_progress_tells_each_file_and_its_bytes(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    offer(monkeypatch, server, [server.address])
    said: list[tuple[str, int, int]] = []
    download("mnist", tmp_path, lambda *what: said.append(what))
    for number, file in enumerate(MNIST_FILES, start=1):
        size = len(server.files[f"{file}.gz"])
        told = [what[1:] for what in said if what[0] == f"{file}.gz (file {number} of 4)"]
        assert told == [(0, size), (size, size)]
    assert said[-1] == ("unpacking mnist", 0, 0)
    assert capfd.readouterr() == ("", ""), "no second bar on the terminal"


def test_load_downloads_if_asked_to(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, server, [server.address])
    config = DataConfig(name="mnist", root=tmp_path)
    with pytest.raises(DataError, match="dataset not downloaded"):
        load_dataset(config)
    assert server.asked == []
    assert load_dataset(config, download=True).info().num_test == 8


def test_the_next_mirror_is_tried(
    tmp_path: Path, server: Server, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [closed, server.address + "nothing/", server.address])
    download("mnist", tmp_path)
    assert is_downloaded("mnist", tmp_path)


def failure(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        download("mnist", root)
    assert everything_in(root) == [], "nothing is left that could break the next try"
    assert list(root.glob(".*")) == []
    return sentence_of(caught)


def test_offline_one_sentence_says_what_failed_and_what_to_do(
    tmp_path: Path, server: Server, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [closed])
    assert failure(tmp_path) == (
        "could not download mnist: train-images-idx3-ubyte.gz (127.0.0.1: Connection refused); check the connection "
        f"and try again, put torchvision's files into {tmp_path / 'MNIST' / 'raw'}, or use digits, which works offline"
    )
    offer(monkeypatch, server, [server.address])
    download("mnist", tmp_path)
    assert is_downloaded("mnist", tmp_path)


def test_a_name_that_no_one_knows_is_told_as_such(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    offer(monkeypatch, server, ["http://mirror.invalid/"])
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert "(mirror.invalid: Name or service not known)" in failure(tmp_path)


def test_every_way_in_which_a_server_fails_is_told_and_leaves_nothing(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [server.address])
    size = len(server.files["train-images-idx3-ubyte.gz"])
    server.missing_bytes = 10
    assert f"the connection broke after {size - 10} of {size} bytes" in failure(tmp_path)
    server.missing_bytes = 0
    del server.files["t10k-labels-idx1-ubyte.gz"]
    assert "t10k-labels-idx1-ubyte.gz (127.0.0.1: the server answered 404 Not Found)" in failure(tmp_path)
    offer(monkeypatch, server, [server.address], damage=True)
    assert "the file has the wrong checksum" in failure(tmp_path)
    monkeypatch.setattr(downloads, "TIMEOUT", 0.2)
    server.answers.clear()
    assert "no answer within 0.2 s" in failure(tmp_path)
    monkeypatch.setattr(downloads, "TIMEOUT", 20)
    server.answers.set()
    monkeypatch.setattr(downloads, "MAX_BYTES", 100)
    assert "the file is longer than 100 bytes" in failure(tmp_path)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_a_download_that_is_stopped_leaves_nothing(
    stop: type[BaseException], tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [server.address])

    def progress(what: str, done: int, total: int) -> None:
        if "t10k" in what and done:
            raise stop

    with pytest.raises(stop):
        download("mnist", tmp_path, progress)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_short_is_downloaded_anew(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [server.address])
    put(tmp_path, {**tiny(), MNIST_FILES[2]: tiny()[MNIST_FILES[2]][:-1]})
    download("mnist", tmp_path)
    assert load_dataset(DataConfig(name="mnist", root=tmp_path)).info().num_test == 8


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [server.address])
    real_open = Path.open

    def full(self: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if mode == "ab":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_open(self, mode, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    sentence = failure(tmp_path)
    assert sentence.startswith("could not write ")
    assert sentence.endswith("No space left on device; make room there or use another folder")


def test_a_root_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        DataError, match=r"could not make a folder in .*; use another folder, one of your own$"
    ):
        download("mnist", tmp_path / "file" / "root")


def test_leftovers_of_a_killed_download_go_after_a_day(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server, [server.address])
    for name, age in ((".download-old", 90_000), (".download-new", 80_000)):
        put(tmp_path / name, tiny())
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    download("mnist", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".download-new", "MNIST"]


def test_emnist_comes_as_one_zip_of_which_only_our_parts_are_kept(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import EMNIST

    buffer, kept = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w") as archive:
        for split, first in (("balanced", 0), ("letters", 1), ("digits", 0), ("byclass", 0)):
            for name, content in tiny(first_label=first).items():
                name = name.replace("train", f"emnist-{split}-train").replace("t10k", f"emnist-{split}-test")
                archive.writestr(f"gzip/{name}.gz", gzip.compress(content))
                kept += [f"EMNIST/raw/{name}"] if split != "byclass" else []
    server.files = {"some/gzip.zip": buffer.getvalue()}
    monkeypatch.setattr(EMNIST, "url", server.address + "some/gzip.zip")
    monkeypatch.setattr(EMNIST, "md5", hashlib.md5(buffer.getvalue()).hexdigest())
    said: list[str] = []
    load_dataset(
        DataConfig(name="emnist", root=tmp_path), download=True, progress=lambda what, *_: said.append(what)
    )
    assert everything_in(tmp_path) == sorted(kept)
    assert said == ["gzip.zip", "gzip.zip", "unpacking emnist"]
    for split in ("balanced", "letters", "digits"):
        dataset = load_dataset(DataConfig(name="emnist", root=tmp_path, emnist_split=split))
        assert torch.equal(dataset.images[:20, 0], EMNIST(tmp_path, split).data.transpose(1, 2))
    assert download("emnist", tmp_path) == tmp_path
    assert len(server.asked) == 1


@pytest.mark.parametrize("name", ["digits", "imagenet", "npz"])
def test_what_cannot_be_downloaded_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        download(name, tmp_path)
    assert "only mnist, fashion-mnist, kmnist, emnist can be downloaded" in sentence_of(caught)


def test_a_torchvision_that_does_not_import_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(
        DataError, match=r"downloads need torchvision, which does not import .*; install torch"
    ):
        download("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []
