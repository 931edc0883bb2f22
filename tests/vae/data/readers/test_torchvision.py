"""MNIST and its relatives, read as torchvision reads them."""

from __future__ import annotations

import gzip
import os
import string
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.mnist_files import MNIST_FILES, idx, put, tiny
from vae.config.schema import DataConfig
from vae.data.dataset import Dataset, load_dataset
from vae.data.readers import torchvision
from vae.data.readers.torchvision import default_root, is_downloaded
from vae.data.types import DataError


def mnist(root: Path, **options: object) -> Dataset:
    return load_dataset(DataConfig(name="mnist", root=root, **options))


def sentence_of(error: pytest.ExceptionInfo[DataError]) -> str:
    """The message, after a check that it is one line with a remedy."""
    assert "\n" not in str(error.value)
    assert "; " in str(error.value)
    return str(error.value)


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        mnist(root)
    return sentence_of(caught)


@pytest.fixture
def real_root() -> Path:
    """A folder with the real MNIST, where this machine has one."""
    beside = Path(__file__).resolve().parents[5] / "shared" / "data"
    root = Path(os.environ.get("LATENT_LAB_MNIST_ROOT") or beside)
    if not is_downloaded("mnist", root):
        pytest.skip(
            "the real MNIST is not on this machine; set LATENT_LAB_MNIST_ROOT to torchvision's root of it"
        )
    return root


def test_the_real_mnist_is_what_torchvision_reads(real_root: Path) -> None:
    from torchvision.datasets import MNIST

    train, test = MNIST(real_root, train=True), MNIST(real_root, train=False)
    dataset = mnist(real_root)
    assert torch.equal(dataset.images[:, 0], torch.cat([train.data, test.data]))
    assert dataset.labels is not None
    assert torch.equal(dataset.labels, torch.cat([train.targets, test.targets]))
    info = dataset.info()
    assert (info.num_train, info.num_validation, info.num_test) == (54_000, 6_000, 10_000)
    assert info.fingerprint == "d45e7064ddef8d59"


def test_the_official_test_part_stays_the_test_part_whatever_the_seed(tmp_path: Path) -> None:
    for seed in (0, 1):
        dataset = mnist(put(tmp_path, tiny()), split_seed=seed, validation=0.25)
        assert dataset.test.tolist() == list(range(20, 28))
        assert len(dataset.validation) == 5
        assert sorted([*dataset.train.tolist(), *dataset.validation.tolist()]) == list(range(20))


def test_a_train_part_too_small_for_a_validation_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="each of train, validation and test needs at least one image, got 9 in all"
    ):
        mnist(put(tmp_path, tiny(num_train=1)))


@pytest.mark.parametrize("packed", [MNIST_FILES, MNIST_FILES[:1], MNIST_FILES[1:2]])
def test_files_still_packed_as_torchvision_leaves_them_are_read(
    packed: tuple[str, ...], tmp_path: Path
) -> None:
    plain = mnist(put(tmp_path / "plain", tiny()))
    files = {f"{name}.gz" if name in packed else name: content for name, content in tiny().items()}
    files = {
        name: gzip.compress(content) if name.endswith(".gz") else content for name, content in files.items()
    }
    root = put(tmp_path / "packed", files)
    assert is_downloaded("mnist", root)
    assert mnist(root).info() == plain.info()


def test_class_names_are_those_of_torchvision() -> None:
    from torchvision import datasets

    def names(name: str, emnist_split: str = "balanced") -> list[str]:
        return list(torchvision._source(name, emnist_split).class_names)

    assert names("fashion-mnist") == datasets.FashionMNIST.classes
    assert [name.split(" ")[0] for name in names("kmnist")] == datasets.KMNIST.classes
    assert names("mnist") == [name.split(" ")[0] for name in datasets.MNIST.classes]
    splits = datasets.EMNIST.classes_split_dict
    assert names("emnist") == splits["balanced"]
    assert names("emnist", "digits") == splits["digits"]
    assert names("emnist", "letters") == [name.upper() for name in splits["letters"][1:]]


@pytest.mark.parametrize(
    ("split", "first", "num"), [("balanced", 0, 47), ("letters", 1, 26), ("digits", 0, 10)]
)
def test_emnist_is_turned_upright_and_its_labels_count_from_zero(
    split: str, first: int, num: int, tmp_path: Path
) -> None:
    files = tiny(num_train=100, num_test=60, first_label=first, num_classes=num)
    named = {
        name.replace("train", f"emnist-{split}-train").replace("t10k", f"emnist-{split}-test"): content
        for name, content in files.items()
    }
    put(tmp_path, named, "EMNIST")
    dataset = load_dataset(DataConfig(name="emnist", emnist_split=split, root=tmp_path))
    stored = np.frombuffer(files["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(100, 5, 4)
    np.testing.assert_array_equal(dataset.images[:100, 0].numpy(), stored.transpose(0, 2, 1))
    assert dataset.images.is_contiguous()
    assert dataset.labels is not None
    assert dataset.labels[:100].tolist() == [number % num for number in range(100)]
    assert dataset.info().num_classes == num
    if split == "letters":
        assert dataset.class_names == tuple(string.ascii_uppercase)


def test_a_missing_set_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"MNIST: dataset not downloaded, train-images-idx3-ubyte is missing in {tmp_path / 'MNIST' / 'raw'}; "
        f"run `vae data download mnist --root {tmp_path}`, or use digits, which needs no download"
    )
    assert not is_downloaded("mnist", tmp_path)


def test_one_missing_file_is_named(tmp_path: Path) -> None:
    files = tiny()
    del files["t10k-labels-idx1-ubyte"]
    assert "t10k-labels-idx1-ubyte is missing in" in refusal(put(tmp_path, files))
    assert not is_downloaded("mnist", tmp_path)


HEADER = idx(np.zeros((20, 5, 4)))[:16]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin as bytes in 3 dimensions do"),
        (HEADER[:-1], "does not begin as bytes in 3 dimensions do"),
        (b"<html>" + bytes(410), "does not begin as bytes in 3 dimensions do"),
        (idx(np.zeros((20, 20))), "does not begin as bytes in 3 dimensions do"),
        (HEADER, "its length is not what its header says"),
        (HEADER + bytes(399), "its length is not what its header says"),
        (HEADER + bytes(401), "its length is not what its header says"),
        (HEADER[:4] + b"\xff" * 12, "claims the impossible shape (4294967295, 4294967295, 4294967295)"),
        (HEADER[:4] + bytes(12), "claims the impossible shape (0, 0, 0)"),
        (idx(np.zeros((20, 5, 1025))), "claims the impossible shape (20, 5, 1025)"),
    ],
)
def test_a_file_that_is_not_as_long_as_it_says_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    root = put(tmp_path, {**tiny(), MNIST_FILES[0]: content})
    sentence = refusal(root)
    assert words in sentence
    assert "delete it and download the data again" in sentence
    assert not is_downloaded("mnist", root)


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (b"no gzip", "Not a gzipped file"),
        (gzip.compress(tiny()[MNIST_FILES[0]])[:-9], "ended before the end-of-stream marker"),
        (gzip.compress(tiny()[MNIST_FILES[0]])[:-8] + bytes(8), "CRC check failed"),
        (gzip.compress(tiny()[MNIST_FILES[0]][:-1]), "its length is not what its header says"),
        (gzip.compress(tiny()[MNIST_FILES[0]] + b"1"), "its length is not what its header says"),
    ],
)
def test_a_packed_file_that_is_broken_is_refused(packed: bytes, words: str, tmp_path: Path) -> None:
    files = tiny()
    del files[MNIST_FILES[0]]
    assert words in refusal(put(tmp_path, {**files, f"{MNIST_FILES[0]}.gz": packed}))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_header_that_claims_gigabytes_takes_no_memory(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, claim = tiny(), HEADER[:4] + b"".join(size.to_bytes(4, "big") for size in (3000, 1024, 1024))
    del files[MNIST_FILES[0]]
    content = gzip.compress(claim + bytes(1000)) if suffix else claim + bytes(1000)
    put(tmp_path, {**files, MNIST_FILES[0] + suffix: content})
    monkeypatch.setattr(
        torch, "empty", lambda *_, **__: pytest.fail("memory was taken for what the header claims")
    )
    assert "its length is not what its header says" in refusal(tmp_path)


def test_parts_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    labels, images = MNIST_FILES[1], MNIST_FILES[2]
    root = put(tmp_path, {**tiny(), labels: idx(np.zeros(19))})
    assert "it has 19 labels for 20 images" in refusal(root)
    put(tmp_path, {**tiny(), labels: idx(np.full(20, 10))})
    assert "its labels must be 0 to 9, got 10 to 10" in refusal(root)
    put(tmp_path, {**tiny(), images: idx(np.zeros((8, 4, 5)))})
    assert "train and test images must have one size, got (5, 4) and (4, 5)" in refusal(root)


def test_a_folder_in_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    files = tiny()
    del files[MNIST_FILES[0]]
    (put(tmp_path, files) / "MNIST" / "raw" / MNIST_FILES[0]).mkdir()
    assert f"{MNIST_FILES[0]} is missing in" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/latent-lab/data"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/latent-lab/data"),
        ("linux", {}, "/home/me/.cache/latent-lab/data"),
        ("darwin", {"XDG_CACHE_HOME": "/c"}, "/home/me/Library/Caches/latent-lab/data"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/latent-lab/data"),
        ("win32", {}, "/home/me/AppData/Local/latent-lab/data"),
    ],
)
def test_the_default_root_is_in_the_cache_of_the_user(
    platform: str, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", "USERPROFILE": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torchvision.sys, "platform", platform)
    assert default_root() == Path(expected)


def test_a_user_without_a_home_is_told_to_name_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(DataError, match=r"no home folder to keep datasets in; use another folder$"):
        default_root()


def test_a_set_is_looked_for_in_the_default_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision, "default_root", lambda: tmp_path)
    put(tmp_path, tiny())
    assert is_downloaded("mnist")
    assert load_dataset(DataConfig(name="mnist")).info().num_test == 8
