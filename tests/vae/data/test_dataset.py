"""Loading, splitting, binarising and checking data sets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset, check_fits, load_dataset
from vae.data.readers import digits
from vae.data.types import DataError


def grey_levels(path: Path, *, copies: int = 40, labels: bool = True) -> Path:
    """An .npz of images that hold every byte from 0 to 255 once, in 16 × 16 pixels."""
    images = np.tile(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), (copies, 1, 1))
    np.savez(path, images=images, **({"labels": np.arange(copies) % 4} if labels else {}))
    return path


@pytest.fixture
def levels(tmp_path: Path) -> Path:
    return grey_levels(tmp_path / "levels.npz")


def every_index(dataset: Dataset) -> list[int]:
    return torch.cat([dataset.train, dataset.validation, dataset.test]).tolist()


def test_loading_digits_imports_neither_scikit_learn_nor_torchvision() -> None:
    code = (
        "import sys, vae.data.dataset, vae.config.schema\n"
        "vae.data.dataset.load_dataset(vae.config.schema.DataConfig()).info()\n"
        "assert not {'sklearn', 'torchvision'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_digits_from_the_packaged_file_equal_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    dataset = load_dataset(DataConfig())
    assert digits.packaged_table() is not None
    np.testing.assert_array_equal(dataset.images.reshape(1797, 64).numpy(), pixels)
    assert dataset.labels is not None
    np.testing.assert_array_equal(dataset.labels.numpy(), labels)
    assert dataset.max_value == 16 == dataset.images.max()


def test_digits_come_through_scikit_learn_where_its_file_has_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_dataset(DataConfig())
    monkeypatch.setattr(digits, "packaged_table", lambda: None)
    found = load_dataset(DataConfig())
    assert torch.equal(found.images, expected.images)
    assert found.info() == expected.info()


@pytest.mark.parametrize("content", [None, b"no gzip", "1,2,3\n", "17," * 116_804 + "0", "x," * 116_805])
def test_a_packaged_file_that_holds_something_else_is_not_taken(
    content: bytes | str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip
    import importlib.machinery

    file = tmp_path / "datasets" / "data" / "digits.csv.gz"
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else gzip.compress(content.encode()))
    spec = importlib.machinery.ModuleSpec("sklearn", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    assert digits.packaged_table() is None


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(
        DataError, match="scikit-learn, which is not installed; run `pip install scikit-learn`"
    ):
        load_dataset(DataConfig())


def test_info_says_what_the_digits_are() -> None:
    info = load_dataset(DataConfig()).info()
    assert (info.channels, info.height, info.width, info.num_classes) == (1, 8, 8, 10)
    assert (info.num_train, info.num_validation, info.num_test) == (1294, 144, 359)
    assert info.class_names == tuple("0123456789")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_parts_are_disjoint_and_together_are_everything(share: float, seed: int) -> None:
    dataset = load_dataset(DataConfig(validation=share, split_seed=seed))
    assert sorted(every_index(dataset)) == list(range(1797))
    for index in (dataset.train, dataset.validation, dataset.test):
        assert index.dtype == torch.int64
        assert torch.equal(index, index.sort().values)
    assert len(dataset.test) == round(0.2 * 1797)
    assert len(dataset.validation) == round(share * (1797 - 359))


def test_the_split_is_the_one_that_saved_runs_were_made_with() -> None:
    """Pinned: if these numbers change, no run made before can be resumed."""
    dataset = load_dataset(DataConfig())
    assert dataset.test[:5].tolist() == [4, 5, 6, 9, 14]
    assert dataset.validation[:5].tolist() == [1, 2, 22, 27, 45]
    assert dataset.info().fingerprint == "62969465b2998015"
    assert load_dataset(DataConfig(binarize="static")).info().fingerprint == "c2527098c6ad4fa3"


def test_the_test_part_depends_on_the_seed_and_not_on_the_validation_share() -> None:
    test = load_dataset(DataConfig()).test
    assert torch.equal(test, load_dataset(DataConfig(validation=0.4)).test)
    assert torch.equal(test, load_dataset(DataConfig(binarize="static")).test)
    assert not torch.equal(test, load_dataset(DataConfig(split_seed=1)).test)


def test_no_validation_share_gives_an_empty_part() -> None:
    dataset = load_dataset(DataConfig(validation=0))
    images, labels = dataset.part("validation")
    assert images.shape == (0, 1, 8, 8)
    assert labels is not None
    assert labels.shape == (0,)
    assert dataset.pixels(images).shape == (0, 1, 8, 8)
    assert dataset.info().num_validation == 0


def test_a_part_is_a_copy_of_the_images_and_labels_at_its_indices() -> None:
    dataset = load_dataset(DataConfig())
    images, labels = dataset.part("test")
    assert torch.equal(images, dataset.images[dataset.test])
    assert labels is not None
    assert dataset.labels is not None
    assert torch.equal(labels, dataset.labels[dataset.test])
    before = dataset.images.clone()
    images.zero_()
    assert torch.equal(dataset.images, before)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="part must be one of train, validation, test, got 'all'"):
        load_dataset(DataConfig()).part("all")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("num", "validation", "enough"), [(1, 0, False), (2, 0, True), (2, 0.1, False), (3, 0.1, True)]
)
def test_each_part_that_was_asked_for_has_an_image_or_the_split_is_refused(
    num: int, validation: float, enough: bool, tmp_path: Path
) -> None:
    path = grey_levels(tmp_path / "few.npz", copies=num)
    config = DataConfig(name="npz", path=path, validation=validation)
    if enough:
        info = load_dataset(config).info()
        assert (info.num_train, info.num_validation, info.num_test) == (1, num - 2, 1)
    else:
        with pytest.raises(DataError, match=f"at least one image, got {num} in all; add images"):
            load_dataset(config)


def test_the_fingerprint_is_the_same_for_the_same_data_only(tmp_path: Path) -> None:
    images = np.arange(10 * 16, dtype=np.uint8).reshape(10, 4, 4)
    labels = np.arange(10) % 2

    def fingerprint(images: np.ndarray, labels: np.ndarray | None, **options: object) -> str:
        arrays = {"images": images} if labels is None else {"images": images, "labels": labels}
        np.savez(tmp_path / "a.npz", **arrays)
        return load_dataset(DataConfig(name="npz", path=tmp_path / "a.npz", **options)).info().fingerprint

    other_byte, other_label = images.copy(), labels.copy()
    other_byte[3, 1, 2] ^= 1
    other_label[3] ^= 1
    first = fingerprint(images, labels)
    assert first == fingerprint(images, labels)
    others = [
        fingerprint(other_byte, labels),
        fingerprint(images, other_label),
        fingerprint(images, None),
        fingerprint(images.reshape(10, 2, 8), labels),
        fingerprint(images, labels, split_seed=1),
        fingerprint(images, labels, validation=0.3),
        fingerprint(images, labels, test=0.4),
        fingerprint(images, labels, binarize="threshold"),
    ]
    assert len({first, *others}) == 9


def test_pixels_are_what_to_tensor_of_torchvision_gives(levels: Path) -> None:
    from torchvision.transforms.functional import to_tensor

    dataset = load_dataset(DataConfig(name="npz", path=levels))
    pixels = dataset.pixels(dataset.images[:1])
    assert pixels.dtype == torch.float32
    assert torch.equal(pixels[0], to_tensor(dataset.images[0, 0].numpy()[:, :, None]))
    assert pixels.min() == 0
    assert pixels.max() == 1


def test_pixels_of_the_digits_are_sixteenths() -> None:
    dataset = load_dataset(DataConfig())
    assert torch.equal(dataset.pixels(dataset.images), dataset.images / 16)


def test_pixels_leave_the_bytes_as_they_are_whatever_the_default_type(levels: Path) -> None:
    dataset = load_dataset(DataConfig(name="npz", path=levels))
    before = dataset.images.clone()
    torch.set_default_dtype(torch.float64)
    try:
        assert dataset.pixels(dataset.images).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(dataset.images, before)


def test_pixels_refuse_what_are_no_bytes() -> None:
    dataset = load_dataset(DataConfig())
    with pytest.raises(ValueError, match=r"must be bytes \(torch.uint8\), got torch.float32"):
        dataset.pixels(dataset.images / 16)


@pytest.mark.parametrize("threshold", [1e-9, 51 / 255, 0.2, 0.5, 0.6, 254.5 / 255, 1.0])
def test_threshold_makes_one_of_pixels_at_or_above_it(threshold: float, levels: Path) -> None:
    config = DataConfig(name="npz", path=levels, binarize="threshold", threshold=threshold)
    dataset = load_dataset(config)
    found = dataset.pixels(dataset.images[0]).flatten()
    assert found.tolist() == [float(byte / 255 >= threshold) for byte in range(256)]
    assert set(dataset.images.unique().tolist()) <= {0, 255}


def test_threshold_of_the_digits_is_on_their_own_scale() -> None:
    grey, binary = load_dataset(DataConfig()), load_dataset(DataConfig(binarize="threshold", threshold=0.5))
    assert torch.equal(binary.pixels(binary.images), (grey.images >= 8).float())


def is_likely(count: int, num: int, probability: float) -> bool:
    """Whether a count of draws is within five standard deviations; certain at probability 0 and 1."""
    return abs(count - num * probability) <= 5 * (num * probability * (1 - probability)) ** 0.5


def test_static_draws_each_pixel_once_with_the_probability_of_its_grey(tmp_path: Path) -> None:
    path = grey_levels(tmp_path / "many.npz", copies=4000)
    dataset = load_dataset(DataConfig(name="npz", path=path, binarize="static"))
    pixels = dataset.pixels(dataset.images)
    assert set(pixels.unique().tolist()) == {0, 1}
    assert torch.equal(pixels, dataset.pixels(dataset.images))
    ones = pixels.sum(dim=0).flatten().int().tolist()
    assert all(is_likely(ones[byte], 4000, byte / 255) for byte in range(256))


def test_static_depends_on_the_split_seed_alone(levels: Path) -> None:
    def images(**options: object) -> torch.Tensor:
        return load_dataset(DataConfig(name="npz", path=levels, binarize="static", **options)).images

    torch.manual_seed(1)
    np.random.seed(1)
    first = images()
    assert torch.equal(first, images(validation=0))
    assert not torch.equal(first, images(split_seed=1))


@pytest.mark.parametrize("name", ["npz", "digits"])
def test_dynamic_draws_anew_with_the_probability_of_the_grey(name: str, levels: Path) -> None:
    dataset = load_dataset(DataConfig(name=name, path=levels if name == "npz" else None, binarize="dynamic"))
    images = torch.arange(dataset.max_value + 1, dtype=torch.uint8).repeat(2000, 1)
    generator = torch.Generator().manual_seed(3)
    first, second = dataset.pixels(images, generator), dataset.pixels(images, generator)
    assert first.dtype == torch.float32
    assert set(first.unique().tolist()) == {0, 1}
    assert not torch.equal(first, second)
    for byte, ones in enumerate((first + second).sum(dim=0).int().tolist()):
        assert is_likely(ones, 4000, byte / dataset.max_value)
    assert torch.equal(first, dataset.pixels(images, torch.Generator().manual_seed(3)))


def test_dynamic_keeps_the_grey_bytes_and_needs_a_generator(levels: Path) -> None:
    dataset = load_dataset(DataConfig(name="npz", path=levels, binarize="dynamic"))
    assert dataset.images.unique().numel() == 256
    with pytest.raises(ValueError, match="generator must be given for binarize = dynamic, got none; pass"):
        dataset.pixels(dataset.images)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_pixels_work_on_the_device_of_the_bytes(device: str, levels: Path) -> None:
    if not (torch.cuda if device == "cuda" else torch.backends.mps).is_available():
        pytest.skip(f"this machine has no {device} device")
    for binarize in ("none", "dynamic"):
        dataset = load_dataset(DataConfig(name="npz", path=levels, binarize=binarize))
        images = dataset.images.repeat(100, 1, 1, 1).to(device)
        pixels = dataset.pixels(images, torch.Generator(device).manual_seed(1))
        assert pixels.device.type == device
        torch.testing.assert_close(pixels.mean().cpu(), torch.tensor(0.5), atol=1e-2, rtol=0)


def test_a_configuration_that_fits_its_data_passes() -> None:
    dataset = load_dataset(DataConfig())
    check_fits(RunConfig(), dataset)
    check_fits(
        RunConfig(
            model=ModelConfig(latent_dim=64, conditional=True),
            train=TrainConfig(batch_size=len(dataset.train)),
        ),
        dataset,
    )


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            RunConfig(train=TrainConfig(batch_size=29)),
            r"train.batch_size must be <= the number of training images \(28\), got 29; use 28 or less",
        ),
        (
            RunConfig(train=TrainConfig(batch_size=1), model=ModelConfig(latent_dim=257)),
            r"model.latent_dim must be <= the number of values in an image \(256\), got 257; use 256 or less",
        ),
        (
            RunConfig(train=TrainConfig(batch_size=1), model=ModelConfig(conditional=True)),
            "model.conditional needs labels, got none with npz images; add labels, or switch model.conditional off",
        ),
    ],
)
def test_what_is_larger_than_the_data_or_needs_labels_is_refused(
    config: RunConfig, sentence: str, tmp_path: Path
) -> None:
    data = DataConfig(
        name="npz", path=grey_levels(tmp_path / "a.npz", copies=40, labels=False), validation=0.125
    )
    with pytest.raises(DataError, match=sentence):
        check_fits(config.replace(data=data), load_dataset(data))


def test_images_of_one_pixel_have_room_for_one_latent_dimension(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", images=np.zeros((20, 1, 1), dtype=np.uint8))
    data = DataConfig(name="npz", path=tmp_path / "one.npz")
    config = RunConfig(data=data, train=TrainConfig(batch_size=1))
    with pytest.raises(DataError, match=r"values in an image \(1\), got 2; use 1 or less$"):
        check_fits(config, load_dataset(data))
    check_fits(config.replace(model=ModelConfig(latent_dim=1)), load_dataset(data))


def test_images_that_do_not_fit_into_memory_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> None:
        raise MemoryError

    monkeypatch.setattr("vae.data.dataset.read_digits", read)
    with pytest.raises(DataError, match="the digits images do not fit into memory; use fewer"):
        load_dataset(DataConfig())


def test_columns_stay_with_their_images_and_change_no_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 6, 6), np.uint8)
    images[:, 0, 0] = np.arange(60)  # each image says which one it is
    np.savez(path, images=images)
    config = DataConfig(name="npz", path=path)
    bare = load_dataset(config).info()
    names = np.array([f"group {number % 7}" for number in range(60)])
    np.savez(path, images=images, age=np.arange(60) / 4, group=names, pairs=np.zeros((60, 2)))
    found = load_dataset(config)
    assert found.info() == bare
    assert [(column.name, column.is_number) for column in found.columns.found] == [
        ("age", True),
        ("group", False),
    ]
    age, group = found.columns.found
    for part in ("train", "validation", "test"):
        index = getattr(found, part)
        numbers = found.part(part)[0][:, 0, 0, 0]
        assert (age.values[index] * 4 == numbers).all()
        assert [group.classes[k] for k in group.values[index]] == [f"group {int(n) % 7}" for n in numbers]
