"""The best decoder that ignores z, and the β above which nothing pays."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from vae.config.schema import DataConfig
from vae.data.dataset import Dataset
from vae.diagnostics.critical_beta import no_latent_baseline
from vae.models.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Binary pixels in 300 images of two kinds, which differ in the left half."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(300) % 2
    chance = torch.where(torch.arange(4) < 2, 0.1 + 0.8 * labels[:, None, None, None].double(), 0.5)
    images = 16 * torch.bernoulli(chance.expand(300, 1, 3, 4), generator=draw).to(torch.uint8)
    part = torch.arange(300)
    return Dataset(images, labels, 16, ("0", "1"), part[:200], part[200:250], part[250:], DataConfig())


def pixels(dataset: Dataset) -> Tensor:
    return dataset.pixels(dataset.part("train")[0]).double()


def test_the_distortion_is_that_of_the_pixels_means(dataset: Dataset) -> None:
    x = pixels(dataset)
    found = no_latent_baseline(Bernoulli(), dataset, x, None, conditional=False)
    p = x.mean(0).numpy()
    expected = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum()
    assert found.distortion == pytest.approx(expected, rel=1e-3)
    assert found.num_images == 200


def test_no_picture_is_better_than_it(dataset: Dataset) -> None:
    x = pixels(dataset)
    draw = torch.Generator().manual_seed(0)
    for likelihood in (Bernoulli(), ContinuousBernoulli(), Gaussian(0.3)):
        found = no_latent_baseline(likelihood, dataset, x, None, conditional=False).distortion
        for _ in range(20):
            output = torch.randn(1, 1, 3, 4, generator=draw, dtype=torch.float64).expand_as(x)
            assert float(-likelihood.log_prob(output, x).mean()) > found


def test_for_binary_pixels_the_critical_beta_is_of_the_correlation_matrix(dataset: Dataset) -> None:
    x = pixels(dataset)
    found = no_latent_baseline(Bernoulli(), dataset, x, None, conditional=False)
    correlations = np.corrcoef(x.flatten(1).numpy(), rowvar=False)
    eigenvalues = np.linalg.eigvalsh(correlations)
    assert found.critical_beta == pytest.approx(eigenvalues[-1], rel=0.03)
    assert (
        eigenvalues > 1
    ).sum() > 1  # but by chance: the kind alone tells these pixels anything of each other
    assert found.num_paying == 1


def noise(num: int) -> Dataset:
    """Coins, 256 of them an image."""
    images = torch.randint(2, (num + 2, 1, 16, 16), generator=torch.Generator().manual_seed(num))
    part = torch.arange(num + 2)
    return Dataset(
        images.to(torch.uint8), None, 1, (), part[:num], part[num : num + 1], part[num + 1 :], DataConfig()
    )


def test_of_noise_nothing_pays_however_few_its_images() -> None:
    for num in (2000, 216):
        dataset = noise(num)
        rows = pixels(dataset).flatten(1)
        in_sample = np.linalg.eigvalsh(np.corrcoef(rows.numpy(), rowvar=False))[-1]
        found = no_latent_baseline(Bernoulli(), dataset, pixels(dataset), None, conditional=False)
        assert in_sample > 1.8
        assert found.critical_beta == pytest.approx(1, abs=4 * math.sqrt(2 / num))
        assert found.num_paying == 0


def test_of_very_few_images_what_pays_is_not_known(dataset: Dataset) -> None:
    for few in (noise(19), noise(2), replace(dataset, train=dataset.train[:12])):
        found = no_latent_baseline(Bernoulli(), few, pixels(few), None, conditional=False)
        assert (found.critical_beta, found.num_paying) == (None, None)
        assert math.isfinite(found.distortion)


def test_for_a_gaussian_it_is_of_the_covariance_over_the_variance(dataset: Dataset) -> None:
    x = pixels(dataset)
    found = no_latent_baseline(Gaussian(0.3), dataset, x, None, conditional=False)
    covariance = np.cov(x.flatten(1).numpy(), rowvar=False)
    assert found.critical_beta == pytest.approx(np.linalg.eigvalsh(covariance)[-1] / 0.09, rel=0.03)


def test_a_condition_that_says_all_leaves_nothing_to_say(dataset: Dataset) -> None:
    x, labels = pixels(dataset), dataset.part("train")[1]
    without = no_latent_baseline(Bernoulli(), dataset, x, labels, conditional=False)
    given = no_latent_baseline(Bernoulli(), dataset, x, labels, conditional=True)
    assert given.distortion < without.distortion - math.log(2)
    assert without.critical_beta is not None and without.critical_beta > 3
    assert given.critical_beta is not None and given.critical_beta < 1.3
    assert given.num_paying == 0


def test_large_images_are_compared_by_images_instead_of_pixels(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = replace(dataset, images=dataset.images.repeat(1, 1, 8, 8))
    found = no_latent_baseline(Bernoulli(), wide, pixels(wide), None, conditional=False)
    small = no_latent_baseline(Bernoulli(), dataset, pixels(dataset), None, conditional=False)
    assert pixels(wide)[0].numel() > 200  # more pixels than images
    assert small.critical_beta is not None
    assert found.critical_beta == pytest.approx(64 * small.critical_beta, rel=1e-9)
    monkeypatch.setattr("vae.diagnostics.held_out_variance._MOST_IMAGES", 50)
    assert no_latent_baseline(Bernoulli(), wide, pixels(wide), None, conditional=False).num_images == 50
