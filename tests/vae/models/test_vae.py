"""The VAE: what its terms are worth, where its gradients go, and how labels are checked."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor
from torch.distributions import Bernoulli, ContinuousBernoulli, Independent, Normal, kl_divergence

from vae.config.schema import DataInfo, ModelConfig
from vae.errors import UserError
from vae.models.likelihoods import Gaussian
from vae.models.vae import VAE

LIKELIHOODS = ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"]
NETWORKS = [("mlp", False), ("mlp", True), ("conv", False), ("conv", True)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grey(info: DataInfo, num: int = 8) -> Tensor:
    shape = (num, info.channels, info.height, info.width)
    return torch.rand(shape, generator=seeded(), dtype=torch.float64)


def labels(num: int = 8, num_classes: int = 3) -> Tensor:
    return torch.arange(num) % num_classes


def linear_gaussian(make_model: Callable[..., VAE], info: DataInfo) -> tuple[VAE, Tensor, Tensor]:
    """A linear VAE whose encoder gives the exact posterior, with its x ~ N(offset, covariance).

    Columns of equal length at right angles make the posterior diagonal.
    """
    model = make_model(info=info, hidden=(), likelihood="gaussian", sigma=0.4)
    draw = torch.randn(info.num_pixels, 2, generator=seeded(), dtype=torch.float64)
    loadings = torch.linalg.qr(draw).Q * torch.tensor([1.3, 0.6], dtype=torch.float64)
    offset = torch.rand(info.num_pixels, generator=seeded(), dtype=torch.float64)
    precision = torch.eye(2, dtype=torch.float64) + loadings.T @ loadings / 0.4**2
    gain = torch.linalg.inv(precision) @ loadings.T / 0.4**2
    with torch.no_grad():
        model.decoder.flat[0].weight.copy_(loadings)
        model.decoder.flat[0].bias.copy_(offset)
        model.encoder.mean.weight.copy_(gain)
        model.encoder.mean.bias.copy_(-gain @ offset)
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_(-precision.diagonal().log())
    noise = 0.4**2 * torch.eye(info.num_pixels, dtype=torch.float64)
    return model, offset, loadings @ loadings.T + noise


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("network, conditional", NETWORKS)
def test_terms_equal_torch_distributions(
    name: str, network: str, conditional: bool, make_model: Callable[..., VAE]
) -> None:
    model = make_model(network=network, conditional=conditional, likelihood=name)
    x, y = grey(model.info), labels()
    terms = model.terms(x, y, seeded(5))
    condition = torch.eye(3, dtype=torch.float64)[y] if conditional else None
    mean, log_var = model.encoder(x, condition)
    posterior = Normal(mean, torch.exp(log_var / 2))
    noise = torch.empty(8, 2, dtype=torch.float64).normal_(generator=seeded(5))
    output = model.decoder(posterior.mean + posterior.stddev * noise, condition)
    match name:
        case "bernoulli":
            pixels = Bernoulli(logits=output, validate_args=False)
        case "continuous-bernoulli":
            pixels = ContinuousBernoulli(logits=output)
        case _:
            assert isinstance(model.likelihood, Gaussian)
            sigma = model.likelihood.sigma
            pixels = Normal(output, sigma)
            assert sigma.item() == pytest.approx(0.1, rel=1e-12 if name == "gaussian" else 1e-6)
    expected = -Independent(pixels, 3, validate_args=False).log_prob(x)
    assert expected.shape == (8,)
    torch.testing.assert_close(terms.distortion, expected, rtol=0, atol=1e-10)
    rate = kl_divergence(posterior, Normal(0.0, 1.0))
    torch.testing.assert_close(terms.rate_per_dim, rate, rtol=0, atol=1e-10)


class Loss(torch.nn.Module):
    """The loss at β = 2, with the same noise each time."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.model.terms(x, y, seeded(5)).loss(2.0)


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("network, conditional", NETWORKS)
def test_the_loss_has_the_gradient_of_finite_differences_in_every_weight(
    name: str, network: str, conditional: bool, make_model: Callable[..., VAE]
) -> None:
    loss = Loss(make_model(network=network, conditional=conditional, likelihood=name, sigma=0.5))
    x, y = grey(loss.model.info, 2), labels(2)
    names, weights = zip(*loss.named_parameters(), strict=True)

    def of(*values: Tensor) -> Tensor:
        return torch.func.functional_call(loss, dict(zip(names, values, strict=True)), (x, y))

    # fast_mode compares along one random direction in all weights.
    assert torch.autograd.gradcheck(
        of, tuple(weight.detach().requires_grad_() for weight in weights), fast_mode=True
    )


def test_the_exact_posterior_makes_every_sample_worth_log_p(
    make_model: Callable[..., VAE], tiny_info: DataInfo
) -> None:
    # log p(x) = log p(x|z) + log p(z) − log q(z|x) for every z, if q is the posterior: Bayes.
    model, offset, covariance = linear_gaussian(make_model, tiny_info)
    x = grey(tiny_info)
    mean, log_var = model.posterior(x)
    for seed in range(3):
        z = model.sample(mean, log_var, seeded(seed))
        log_joint = -model.terms(x, None, seeded(seed)).distortion + Normal(0.0, 1.0).log_prob(z).sum(1)
        found = log_joint - Normal(mean, torch.exp(0.5 * log_var)).log_prob(z).sum(1)
        expected = scipy.stats.multivariate_normal(offset.numpy(), covariance.numpy()).logpdf(
            x.flatten(1).numpy()
        )
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-10)


def test_the_elbo_is_log_p_at_the_exact_posterior_and_below_it_at_any_other(
    make_model: Callable[..., VAE], tiny_info: DataInfo
) -> None:
    model, offset, covariance = linear_gaussian(make_model, tiny_info)
    x, num = grey(tiny_info, 1), 20_000
    log_p = scipy.stats.multivariate_normal(offset.numpy(), covariance.numpy()).logpdf(x.flatten().numpy())

    def elbo() -> tuple[float, float]:
        with torch.no_grad():
            samples = model.terms(x.expand(num, -1, -1, -1), None, seeded()).elbo
        return float(samples.mean()), float(samples.std()) / math.sqrt(num)

    exact, error = elbo()
    assert abs(exact - log_p) < 5 * error < 0.05
    with torch.no_grad():
        for bias in (model.encoder.mean.bias, model.encoder.log_var.bias):
            for shift in (-0.5, 0.5):
                bias += shift
                other, error = elbo()
                assert other < log_p - 5 * error
                bias -= shift


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_the_elbo_of_a_decoder_that_ignores_z_is_log_p_exactly(
    name: str, make_model: Callable[..., VAE]
) -> None:
    model = make_model(hidden=(), likelihood=name)
    with torch.no_grad():
        for weight in (*model.encoder.parameters(), model.decoder.flat[0].weight):
            weight.zero_()
    x = grey(model.info)
    terms = model.terms(x, None, seeded())
    assert torch.equal(terms.rate_per_dim, torch.zeros(8, 2))
    output = model.decoder.flat[0].bias.reshape(1, 1, 5, 4).expand_as(x)
    match name:
        case "bernoulli":
            log_p = Bernoulli(logits=output, validate_args=False).log_prob(x)
        case "continuous-bernoulli":
            log_p = ContinuousBernoulli(logits=output).log_prob(x)
        case _:
            assert isinstance(model.likelihood, Gaussian)
            log_p = Normal(output, model.likelihood.sigma).log_prob(x)
    torch.testing.assert_close(terms.elbo, log_p.sum((1, 2, 3)), rtol=0, atol=1e-10)


def test_samples_have_the_posterior_s_mean_and_standard_deviation(make_model: Callable[..., VAE]) -> None:
    num = 40_000
    mean = torch.tensor([[-2.0, 0.5]], dtype=torch.float64).expand(num, -1)
    log_var = torch.tensor([[-3.0, 1.0]], dtype=torch.float64).expand(num, -1)
    z = make_model().sample(mean, log_var, seeded())
    for dim in range(2):
        expected = scipy.stats.norm(float(mean[0, dim]), math.exp(float(log_var[0, dim]) / 2))
        assert scipy.stats.kstest(z[:, dim].numpy(), expected.cdf).pvalue > 1e-3


def test_one_seed_gives_the_same_terms_and_another_seed_others(make_model: Callable[..., VAE]) -> None:
    model = make_model()
    x = grey(model.info)
    first, again, other = (model.terms(x, None, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.distortion, again.distortion)
    assert (first.distortion != other.distortion).all()
    assert torch.equal(first.rate, other.rate)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_decode_is_the_mean_of_the_likelihood(name: str, make_model: Callable[..., VAE]) -> None:
    model = make_model(likelihood=name)
    z = torch.randn(8, 2, generator=seeded(), dtype=torch.float64)
    output = model.decoder(z)
    expected = {
        "bernoulli": Bernoulli(logits=output).mean,
        "continuous-bernoulli": ContinuousBernoulli(logits=output).mean,
    }.get(name, output)
    torch.testing.assert_close(model.decode(z), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_another_label_changes_posterior_image_and_terms(
    network: str, make_model: Callable[..., VAE]
) -> None:
    model = make_model(network=network, conditional=True)
    x, z = grey(model.info), torch.zeros(8, 2, dtype=torch.float64)
    y, other = labels(), (labels() + 1) % 3
    for ours, theirs in zip(model.posterior(x, y), model.posterior(x, other), strict=True):
        assert (ours != theirs).all()
    assert (model.decode(z, y) != model.decode(z, other)).all()
    ours, theirs = model.terms(x, y, seeded()), model.terms(x, other, seeded())
    assert (ours.rate != theirs.rate).all() and (ours.distortion != theirs.distortion).all()


def test_an_unconditional_model_takes_labels_and_leaves_them(make_model: Callable[..., VAE]) -> None:
    model = make_model()
    x = grey(model.info)
    with_labels, without = model.terms(x, labels(), seeded()), model.terms(x, None, seeded())
    assert torch.equal(with_labels.elbo, without.elbo)
    assert model.num_conditions == 0


def test_class_weights_of_one_class_are_its_label(make_model: Callable[..., VAE]) -> None:
    model = make_model(conditional=True)
    z = torch.zeros(8, 2, dtype=torch.float64)
    weights = torch.eye(3, dtype=torch.float64)[labels()]
    assert torch.equal(model.decode(z, labels()), model.decode(z, weights))


@pytest.mark.parametrize("kind", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_labels_may_be_whole_numbers_of_any_kind(kind: torch.dtype, make_model: Callable[..., VAE]) -> None:
    model = make_model(conditional=True)
    z = torch.zeros(8, 2, dtype=torch.float64)
    assert torch.equal(model.decode(z, labels().to(kind)), model.decode(z, labels()))


@pytest.mark.parametrize(
    "y, sentence",
    [
        (None, "a conditional model needs a label for each image, got none; pass y with values 0 to 2"),
        (
            torch.tensor([0, 1]),
            "labels must have shape (3,), got (2,); pass one label for each image",
        ),
        (
            torch.tensor([[0], [1], [2]]),
            "labels must have shape (3,), got (3, 1); pass one label for each image",
        ),
        (
            torch.tensor([0, 1, 3]),
            "labels must be from 0 to 2, got 0 to 3; number the classes from 0",
        ),
        (
            torch.tensor([-1, 1, 2]),
            "labels must be from 0 to 2, got -1 to 2; number the classes from 0",
        ),
        (
            torch.tensor([0.0, 1.0, 2.0]),
            "class weights must have shape (3, 3), got (3,); pass one row for each image",
        ),
    ],
)
def test_labels_are_checked_by_every_way_in(
    y: Tensor | None, sentence: str, make_model: Callable[..., VAE]
) -> None:
    model = make_model(conditional=True)
    x, z = grey(model.info, 3), torch.zeros(3, 2, dtype=torch.float64)
    for call in (lambda: model.posterior(x, y), lambda: model.decode(z, y), lambda: model.terms(x, y)):
        with pytest.raises(UserError) as caught:
            call()
        assert str(caught.value) == sentence


def test_a_batch_of_no_images_needs_no_labels_in_range(make_model: Callable[..., VAE]) -> None:
    model = make_model(conditional=True)
    nothing = torch.zeros(0, dtype=torch.int64)
    assert model.decode(torch.zeros(0, 2, dtype=torch.float64), nothing).shape == (0, 1, 5, 4)


def test_a_conditional_model_of_images_without_labels_is_refused(make_info: Callable[..., DataInfo]) -> None:
    with pytest.raises(
        UserError, match=r"^a conditional model needs labels, got images without; add labels or "
    ):
        VAE(ModelConfig(conditional=True), make_info(num_classes=0))


def test_the_rate_is_the_kl_to_the_learned_prior_of_what_the_decoder_gets(
    make_model: Callable[..., VAE],
) -> None:
    model = make_model(conditional=True, learned_prior=True, latent_dim=3)
    prior, draw = model.decoder.prior, seeded()
    assert prior is not None
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.normal_(generator=draw)
    x, y = torch.rand(6, 1, 5, 4, generator=draw, dtype=torch.float64), torch.arange(6) % 3
    mean, log_var = model.posterior(x, y)
    # What z = m_y + exp(s_y) u makes of q(u|x), and of the standard normal.
    shift, scale = prior.mean[y], prior.log_scale[y].exp()
    posterior = Normal(shift + scale * mean, scale * torch.exp(0.5 * log_var))
    torch.testing.assert_close(
        model.terms(x, y, seeded()).rate_per_dim, kl_divergence(posterior, Normal(shift, scale))
    )
    u = torch.randn(6, 3, generator=draw, dtype=torch.float64)
    condition = model.condition(y, 6)
    assert condition is not None
    torch.testing.assert_close(prior(u, condition), shift + scale * u)
    plain = make_model(conditional=True, latent_dim=3)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("decoder.prior.")})
    torch.testing.assert_close(model.decode(u, y), plain.decode(shift + scale * u, y))


def test_a_learned_prior_starts_as_the_standard_normal_and_gets_a_gradient(
    make_model: Callable[..., VAE],
) -> None:
    model = make_model(conditional=True, learned_prior=True)
    x, y = torch.rand(6, 1, 5, 4, generator=seeded(), dtype=torch.float64), torch.arange(6) % 3
    plain = make_model(conditional=True)
    ours, theirs = (one.terms(x, y, seeded(1)) for one in (model, plain))
    assert torch.equal(ours.distortion, theirs.distortion)
    ours.loss(1.0).backward()
    assert model.decoder.prior is not None
    for parameter in model.decoder.prior.parameters():
        assert parameter.grad is not None and (parameter.grad != 0).all()


def test_without_hidden_layers_encoder_and_decoder_are_affine(make_model: Callable[..., VAE]) -> None:
    model = make_model(hidden=(), likelihood="gaussian", latent_dim=3)
    draw = seeded()
    x = torch.rand(2, 1, 5, 4, generator=draw, dtype=torch.float64)
    z = torch.randn(2, 3, generator=draw, dtype=torch.float64)
    for part in (0.0, 0.3, 1.7):  # an affine map takes a point of the line to the point of the line
        for ours, ends in zip(
            model.posterior((1 - part) * x[:1] + part * x[1:]), model.posterior(x), strict=True
        ):
            torch.testing.assert_close(ours, (1 - part) * ends[:1] + part * ends[1:])
        ends = model.decode(z)
        torch.testing.assert_close(
            model.decode((1 - part) * z[:1] + part * z[1:]), (1 - part) * ends[:1] + part * ends[1:]
        )
    assert sum(parameter.numel() for parameter in model.parameters()) == 2 * 21 * 3 + 4 * 20
