"""Points of the latent space: the plane that is shown, ranges, new images, the decoded grid, and what a run keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from vae.config.schema import DataConfig, DataInfo
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.latent.embedding import (
    LATENT_FILE,
    embed,
    kept_embedding,
    manifold,
    principal_plane,
    prior_samples,
    ranges,
    rate_order,
    reconstructions,
)
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.storage.safetensors_header import CheckpointError
from vae.storage.safetensors_io import load, save

MakeModel = Callable[..., VAE]
MakeInfo = Callable[..., DataInfo]


def cloud(num: int = 400, latent_dim: int = 6) -> Tensor:
    """Correlated points off the origin."""
    draw = torch.Generator().manual_seed(0)
    points = torch.randn(num, latent_dim, generator=draw, dtype=torch.float64)
    mixing = torch.randn(latent_dim, latent_dim, generator=draw, dtype=torch.float64)
    return points @ mixing + torch.arange(latent_dim)


def identity(make_model: MakeModel, make_info: MakeInfo, latent_dim: int = 3, **options: object) -> VAE:
    """A decoder whose image is z itself, one pixel for each dimension (and for each class, if conditional)."""
    num_pixels = latent_dim + (3 if options.get("conditional") else 0)
    info = make_info(height=1, width=num_pixels)
    model = make_model(info=info, hidden=(), likelihood="gaussian", latent_dim=latent_dim, **options)
    with torch.no_grad():
        model.decoder.flat[0].weight.copy_(torch.eye(num_pixels))
        model.decoder.flat[0].bias.zero_()
    return model


# The plane --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [3, 6, 20])
def test_the_principal_plane_is_the_one_of_scikit_learn_up_to_signs(latent_dim: int) -> None:
    z = cloud(latent_dim=latent_dim)
    expected = PCA(2).fit(z.numpy())
    found = principal_plane(z)
    np.testing.assert_allclose(found.mean.numpy(), expected.mean_, atol=1e-10)
    np.testing.assert_allclose(np.abs(found.components.numpy()), np.abs(expected.components_), atol=1e-9)
    np.testing.assert_allclose(found.explained, expected.explained_variance_ratio_.sum(), atol=1e-10)
    np.testing.assert_allclose(
        np.abs(found.project(z).numpy()), np.abs(expected.transform(z.numpy())), atol=1e-8
    )


def test_the_signs_of_the_plane_do_not_depend_on_the_solver() -> None:
    components = principal_plane(cloud()).components
    assert all(float(row[row.abs().argmax()]) > 0 for row in components)
    torch.testing.assert_close(principal_plane(cloud().flip(0)).components, components)


def test_the_plane_s_directions_are_orthonormal_and_lead_back() -> None:
    z = cloud()
    plane = principal_plane(z)
    torch.testing.assert_close(plane.components @ plane.components.T, torch.eye(2, dtype=torch.float64))
    points = torch.tensor([[1.0, -2.0], [0.0, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(plane.project(plane.mean + points @ plane.components), points)


def test_a_plane_in_single_precision_is_the_same_to_its_digits() -> None:
    single, double = principal_plane(cloud().float()), principal_plane(cloud())
    assert single.mean.dtype == single.components.dtype == torch.float32
    torch.testing.assert_close(single.components.double(), double.components, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_two_dimensions_are_shown_as_they_are_and_one_along_the_first_axis(dtype: torch.dtype) -> None:
    z = cloud(latent_dim=2).to(dtype)
    assert torch.equal(principal_plane(z).project(z), z)
    line = cloud(latent_dim=1).to(dtype)
    shown = principal_plane(line).project(line)
    assert torch.equal(shown[:, :1], line) and torch.equal(shown[:, 1], torch.zeros(len(line), dtype=dtype))


def test_points_that_are_all_the_same_have_a_plane() -> None:
    plane = principal_plane(torch.ones(10, 4))
    assert torch.isfinite(plane.components).all()
    assert torch.equal(plane.project(torch.ones(10, 4)), torch.zeros(10, 2))


# Order and ranges -------------------------------------------------------------------------------------------


def test_rate_order_puts_the_largest_rate_first_and_keeps_ties_in_order() -> None:
    assert rate_order(torch.tensor([0.1, 3.0, 0.0, 3.0, 0.2])) == [1, 3, 4, 0, 2]
    assert rate_order(torch.zeros(100)) == list(range(100))
    rates = torch.rand(50, generator=torch.Generator().manual_seed(0))
    assert rate_order(rates) == np.argsort(-rates.numpy(), kind="stable").tolist()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_ranges_are_quantiles_of_the_mixture_of_posteriors(share: float) -> None:
    mean, log_var = cloud(401), cloud(401) / 5
    found = ranges(mean, log_var, share=share)
    for dim, (low, high) in enumerate(found):
        posteriors = scipy.stats.norm(mean[:, dim], np.exp(0.5 * log_var[:, dim].numpy()))
        below, above = posteriors.cdf(low).mean(), posteriors.sf(high).mean()
        assert (below, above) == pytest.approx(((1 - share) / 2,) * 2, abs=1e-4)


def test_range_of_a_dimension_that_equals_the_prior_is_the_prior_s() -> None:
    end = scipy.stats.norm.ppf(0.9995)
    np.testing.assert_allclose(ranges(torch.zeros(10, 2), torch.zeros(10, 2)), [(-end, end)] * 2, atol=1e-4)


def test_range_of_one_image_is_its_posterior_s_and_of_many_that_of_some() -> None:
    end = 0.1 * scipy.stats.norm.ppf(0.9995)
    one = ranges(torch.tensor([[10.0]]), torch.full((1, 1), 2 * np.log(0.1)))
    np.testing.assert_allclose(one, [(10 - end, 10 + end)], atol=1e-4)
    draw = torch.Generator().manual_seed(0)
    many = torch.randn(50_000, 1, generator=draw)
    ((low, high),) = ranges(many, torch.full((50_000, 1), -9.0), share=0.9)
    assert (low, high) == pytest.approx((-1.645, 1.645), abs=0.1)


# New images -------------------------------------------------------------------------------------------------


def test_one_seed_gives_one_set_of_points_and_another_seed_another(make_model: MakeModel) -> None:
    model = make_model()
    (z, images), (again, same), (other, _) = (prior_samples(model, 5, seed=seed) for seed in (1, 1, 2))
    assert z.shape == (5, 2) and images.shape == (5, 1, 5, 4)
    assert torch.equal(z, again) and torch.equal(images, same)
    assert not torch.equal(z, other)
    assert torch.equal(images, model.decode(z))


def test_the_points_are_the_same_whatever_the_label_and_only_the_images_differ(make_model: MakeModel) -> None:
    model = make_model(conditional=True)
    found = {label: prior_samples(model, 6, seed=1, label=label) for label in (None, 0, 1, 2)}
    for z, _ in found.values():
        assert torch.equal(z, found[None][0])
    assert torch.equal(found[None][0], prior_samples(make_model(), 6, seed=1)[0])
    for label in range(3):
        z, images = found[label]
        assert torch.equal(images, model.decode(z, torch.full((6,), label)))
        assert (images != found[(label + 1) % 3][1]).all()


def test_without_a_label_each_class_has_its_turn(make_model: MakeModel, make_info: MakeInfo) -> None:
    model = identity(make_model, make_info, conditional=True)
    _, images = prior_samples(model, 7)
    assert images.reshape(7, 6)[:, 3:].argmax(1).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_more_samples_begin_with_the_fewer(make_model: MakeModel) -> None:
    assert torch.equal(prior_samples(make_model(), 64)[0][:16], prior_samples(make_model(), 16)[0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5])
def test_points_come_from_the_prior_and_temperature_is_their_standard_deviation(
    temperature: float, make_model: MakeModel
) -> None:
    z, _ = prior_samples(make_model(), 5000, temperature=temperature)
    for dim in range(2):
        assert scipy.stats.kstest(z[:, dim].numpy() / temperature, "norm").pvalue > 1e-3
    plain, _ = prior_samples(make_model(), 5000)
    torch.testing.assert_close(z, temperature * plain, rtol=1e-6, atol=0)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused_by_a_sentence(label: int, make_model: MakeModel) -> None:
    model = make_model(conditional=True)
    for call in (lambda: prior_samples(model, 4, label=label), lambda: manifold(model, 3, label=label)):
        with pytest.raises(UserError, match=rf"^labels must be from 0 to 2, got {label} to {label}; "):
            call()


# The grid ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_grid_is_at_the_quantiles_of_the_prior_and_lies_as_on_a_map(
    size: int, make_model: MakeModel, make_info: MakeInfo
) -> None:
    shown = manifold(identity(make_model, make_info), size).reshape(size, size, 3)
    quantiles = scipy.stats.norm.ppf((np.arange(size) + 0.5) / size)
    for row in range(size):
        np.testing.assert_allclose(shown[row, :, 0].numpy(), quantiles, atol=1e-7)  # z₁ rises to the right
    for column in range(size):
        np.testing.assert_allclose(
            shown[:, column, 1].numpy(), quantiles[::-1], atol=1e-7
        )  # z₂ rises upwards
    assert torch.equal(shown[:, :, 2], torch.zeros(size, size))


def test_the_grid_may_span_two_other_dimensions(make_model: MakeModel, make_info: MakeInfo) -> None:
    model = identity(make_model, make_info)
    plain = manifold(model, 4).reshape(-1, 3)
    turned = manifold(model, 4, dims=(2, 0)).reshape(-1, 3)
    assert torch.equal(turned, plain[:, [1, 2, 0]])


def test_a_grid_of_one_dimension_has_equal_rows(make_model: MakeModel, make_info: MakeInfo) -> None:
    shown = manifold(identity(make_model, make_info, latent_dim=1), 5).reshape(5, 5)
    assert (shown == shown[0]).all()
    assert (shown[0].diff() > 0).all()


def test_a_conditional_grid_shows_its_label_and_without_one_the_first(
    make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = identity(make_model, make_info, conditional=True)
    for label, expected in ((None, 0), (0, 0), (2, 2)):
        shown = manifold(model, 3, label=label).reshape(9, 6)[:, 3:]
        assert torch.equal(shown, torch.eye(3, dtype=torch.float64)[expected].expand(9, 3))


def test_reconstructions_are_decoded_at_the_posterior_mean(make_model: MakeModel) -> None:
    model = make_model(conditional=True)
    x = torch.rand(4, 1, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0])
    assert torch.equal(reconstructions(model, x, y), model.decode(model.posterior(x, y)[0], y))
    assert torch.equal(reconstructions(model, x, y), reconstructions(model, x, y))


# Embeddings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("conditional", [False, True])
def test_every_image_of_a_part_is_embedded_under_its_own_index(
    part: str, conditional: bool, digits: Dataset, make_model: MakeModel, make_info: MakeInfo
) -> None:
    model = make_model(info=make_info(height=8, width=8, num_classes=10), conditional=conditional)
    found = embed(model, digits, part)
    assert torch.equal(found.index, getattr(digits, part))
    assert digits.labels is not None and found.labels is not None
    assert torch.equal(found.labels, digits.labels[found.index])
    x = digits.images[found.index].double() / 16
    mean, log_var = model.posterior(x, found.labels)
    torch.testing.assert_close(found.mean, mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.log_var, log_var, rtol=0, atol=1e-12)
    assert not found.mean.requires_grad


def test_images_without_labels_are_embedded_without(make_model: MakeModel) -> None:
    images = torch.zeros(9, 1, 5, 4, dtype=torch.uint8)
    parts = torch.arange(9).split([4, 0, 5])
    dataset = Dataset(images, None, 255, (), *parts, DataConfig())
    found = embed(make_model(), dataset)
    assert found.labels is None and set(found.to_tensors()) == {"mean", "log_var", "index"}
    with pytest.raises(UserError, match=r"^the validation part must hold images, got none; "):
        embed(make_model(), dataset, "validation")


def test_a_run_keeps_the_posterior_of_its_test_images_under_its_best_weights(
    trained_run: Run, digits: Dataset
) -> None:
    found = kept_embedding(trained_run)
    assert found is not None and found.labels is not None
    expected = embed(load_model(trained_run, "best"), digits, "test")
    assert torch.equal(found.mean, expected.mean) and torch.equal(found.log_var, expected.log_var)
    assert torch.equal(found.index, digits.test) and torch.equal(found.labels, digits.part("test")[1])


def copy(run: Run, folder: Path) -> Run:
    return Run.open(shutil.copytree(run.path, folder / run.id))


def test_a_run_that_keeps_no_posterior_says_so_with_none(trained_run: Run, tmp_path: Path) -> None:
    run = copy(trained_run, tmp_path)
    (run.path / f"{LATENT_FILE}.safetensors").unlink()
    assert kept_embedding(run) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": torch.zeros(359, 3)},
        {"mean": torch.zeros(358, 2)},
        {"mean": torch.full((359, 2), torch.nan)},
        {"mean": torch.zeros(359, 2, dtype=torch.int64)},
        {"log_var": None},
        {"index": None},
        {"index": torch.tensor(3)},
        {"index": torch.zeros(359)},
        {"labels": torch.zeros(358, dtype=torch.int64)},
        {"labels": torch.full((359,), 10)},
        {"labels": torch.full((359,), -1)},
        {"labels": torch.zeros(359)},
        {"surprise": torch.zeros(1)},
    ],
    ids=str,
)
def test_a_posterior_file_of_another_kind_is_refused_by_a_sentence(
    changes: dict[str, Tensor | None], trained_run: Run, tmp_path: Path
) -> None:
    run = copy(trained_run, tmp_path)
    changed = {**load(run.path, LATENT_FILE)[0], **changes}
    save(run.path, LATENT_FILE, {name: tensor for name, tensor in changed.items() if tensor is not None})
    with pytest.raises(CheckpointError, match=r"^latent\.safetensors .+; "):
        kept_embedding(run)
