"""The ELBO of a whole part: every image, z sampled, one seed one number."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli

from vae.config.schema import DataConfig, DataInfo
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.models.memory_budget import MOST_ROWS
from vae.models.vae import VAE
from vae.runtime.mean_of import MeanOf, known

MakeModel = Callable[..., VAE]


@pytest.fixture(scope="module")
def many() -> Dataset:
    """Images of 5 × 4 random bytes, three classes: 2,345 to train, 7 to validate, 1 to test."""
    draw = torch.Generator().manual_seed(0)
    num = 2353
    # Darker towards the end: what is left out is missed.
    shades = torch.linspace(1, 0.1, num).reshape(num, 1, 1, 1)
    images = (torch.randint(256, (num, 1, 5, 4), generator=draw) * shades).to(torch.uint8)
    parts = torch.arange(num).split([2345, 7, 1])
    return Dataset(images, torch.arange(num) % 3, 255, ("a", "b", "c"), *parts, DataConfig())


def without_z(model: VAE) -> VAE:
    """The same model with the prior for a posterior and a decoder that looks at nothing."""
    with torch.no_grad():
        for weight in (*model.encoder.parameters(), model.decoder.flat[0].weight):
            weight.zero_()
    return model


def bernoulli_log_prob(model: VAE, images: Tensor) -> Tensor:
    logits = model.decoder.flat[0].bias.reshape(1, 1, 5, 4)
    pixels = images.float().double() / 255
    return Bernoulli(logits=logits, validate_args=False).log_prob(pixels).sum((1, 2, 3)).detach()


@pytest.mark.parametrize("part, num", [("train", 2345), ("validation", 7), ("test", 1)])
def test_the_elbo_of_a_model_that_ignores_z_is_the_mean_of_log_p_over_every_image(
    part: str, num: int, many: Dataset, make_model: MakeModel
) -> None:
    assert 2345 % MOST_ROWS, "the last batch must be a partial one"
    model = without_z(make_model(hidden=()))
    log_p = bernoulli_log_prob(model, many.images[getattr(many, part)])
    found = evaluate(model, many, part)
    assert found.num_images == num
    # The pixels come in single precision.
    assert found.elbo == pytest.approx(float(log_p.mean()), abs=1e-6)
    assert found.distortion == pytest.approx(-float(log_p.mean()), abs=1e-6)
    assert found.rate == 0
    error = np.std(log_p.numpy(), ddof=1) / math.sqrt(num) if num > 1 else math.nan
    assert found.standard_error == pytest.approx(error, abs=1e-6, nan_ok=True)
    assert found.to_dict()["standard_error"] == (found.standard_error if num > 1 else None)


def test_the_error_of_one_image_is_unknown_and_not_nothing() -> None:
    one, two = MeanOf.of(torch.tensor([-24.0])), MeanOf.of(torch.tensor([-24.0, -26.0]))
    assert (known(one.standard_error), known(two.standard_error)) == (None, pytest.approx(1))
    assert (str(one).split(), str(two).split()) == (["-24.000", "±", "?"], ["-25.000", "±", "1.000"])


def test_the_images_after_the_last_whole_batch_count(many: Dataset, make_model: MakeModel) -> None:
    model = without_z(make_model(hidden=()))
    model.decoder.flat[0].bias.data.fill_(-2.0)
    log_p = bernoulli_log_prob(model, many.images[many.train])
    whole_batches = log_p[: 2345 // MOST_ROWS * MOST_ROWS]
    assert abs(evaluate(model, many, "train").elbo - float(whole_batches.mean())) > 0.01


def test_z_is_sampled_and_not_put_at_the_posterior_mean(many: Dataset, make_model: MakeModel) -> None:
    # For a linear Gaussian decoder, E‖x − Wz − b‖² = ‖x − Wμ − b‖² + Σ σ_d² ‖w_d‖²: the mean lacks the second part.
    model = make_model(hidden=(), likelihood="gaussian", sigma=0.5)
    with torch.no_grad():
        model.encoder.log_var.weight.zero_()
        model.encoder.log_var.bias.copy_(torch.tensor([0.3, -0.4]))
    found = evaluate(model, many, "train")
    x = many.pixels(many.images[:2345]).double()
    with torch.no_grad():
        at_the_mean = -model.likelihood.log_prob(model.decoder(model.posterior(x)[0]), x)
        lengths = model.decoder.flat[0].weight.square().sum(0)
        spread = float((model.encoder.log_var.bias.exp() * lengths).sum()) / (2 * 0.5**2)
    expected = float(at_the_mean.mean()) + spread
    assert found.distortion == pytest.approx(expected, abs=5 * found.standard_error)
    assert spread > 20 * found.standard_error


def test_one_seed_is_one_number_and_another_seed_another(many: Dataset, make_model: MakeModel) -> None:
    model = make_model()
    assert evaluate(model, many, "train", seed=3) == evaluate(model, many, "train", seed=3)
    first, other = evaluate(model, many, "train", seed=3), evaluate(model, many, "train", seed=4)
    assert first.rate == other.rate
    assert first.elbo != other.elbo
    assert abs(first.elbo - other.elbo) < 5 * first.standard_error


def test_an_evaluation_leaves_the_global_random_numbers_alone(many: Dataset, make_model: MakeModel) -> None:
    before = torch.get_rng_state()
    evaluate(make_model(), many, "train")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_parts_add_up_and_bits_are_nats_over_log_2(many: Dataset, make_model: MakeModel) -> None:
    found = evaluate(make_model(latent_dim=3), many, "train").to_dict()
    assert found["elbo"] == pytest.approx(-(found["distortion"] + found["rate"]), abs=1e-10)
    assert found["neg_elbo"] == -found["elbo"]
    assert len(found["rate_per_dim"]) == 3
    assert math.fsum(found["rate_per_dim"]) == pytest.approx(found["rate"], abs=1e-12)
    assert min(found["rate_per_dim"]) > 0
    assert found["elbo_bits"] == pytest.approx(found["elbo"] / 0.6931471805599453, rel=1e-14)


def test_a_conditional_model_is_given_each_image_s_own_label(many: Dataset, make_model: MakeModel) -> None:
    model = make_model(conditional=True)
    labels = many.labels
    assert labels is not None
    shifted = Dataset(
        many.images,
        (labels + 1) % 3,
        255,
        many.class_names,
        many.train,
        many.validation,
        many.test,
        many.config,
    )
    found, other = evaluate(model, many, "train"), evaluate(model, shifted, "train")
    assert found.rate != other.rate
    with torch.no_grad():
        rates = model.terms(many.pixels(many.images[:2345]).double(), labels[:2345]).rate
    assert found.rate == pytest.approx(float(rates.mean()), abs=1e-10)


def test_dynamic_binarisation_is_drawn_from_the_seed_and_is_not_grey(
    many: Dataset, make_model: MakeModel
) -> None:
    dynamic = Dataset(
        many.images,
        many.labels,
        255,
        many.class_names,
        many.train,
        many.validation,
        many.test,
        DataConfig(binarize="dynamic"),
    )
    model = without_z(make_model(hidden=()))
    found = evaluate(model, dynamic, "train", seed=1)
    assert found == evaluate(model, dynamic, "train", seed=1)
    assert found != evaluate(model, dynamic, "train", seed=2)
    # log p is linear in the pixels, so that both have one expectation; but single draws spread more.
    grey = evaluate(model, many, "train", seed=1)
    assert found.elbo == pytest.approx(grey.elbo, abs=5 * found.standard_error)
    assert found.standard_error > grey.standard_error


def test_a_part_without_images_is_refused_by_a_sentence(many: Dataset, make_model: MakeModel) -> None:
    nothing = torch.zeros(0, dtype=torch.int64)
    without = Dataset(
        many.images, many.labels, 255, many.class_names, many.train, nothing, many.test, many.config
    )
    with pytest.raises(UserError) as caught:
        evaluate(make_model(), without, "validation")
    assert str(caught.value) == "the validation part must hold images, got none; choose another part"


def test_the_model_s_mode_and_weights_are_left_as_they_were(many: Dataset, make_model: MakeModel) -> None:
    model = make_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    evaluate(model.train(), many, "test")
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_real_digits_are_evaluated_to_the_last_one(
    digits: Dataset, make_model: MakeModel, make_info: Callable[..., DataInfo]
) -> None:
    model = make_model(info=make_info(height=8, width=8, num_classes=10), dtype=torch.float32)
    sizes = {part: evaluate(model, digits, part).num_images for part in ("train", "validation", "test")}
    assert sizes == {"train": 1294, "validation": 144, "test": 359}
    assert sum(sizes.values()) == 1797


def test_the_test_part_of_mnist_has_all_its_images(
    mnist_root: object, make_model: MakeModel, make_info: Callable[..., DataInfo]
) -> None:
    from vae.data.dataset import load_dataset

    mnist = load_dataset(DataConfig(name="mnist", root=mnist_root))
    model = make_model(info=make_info(height=28, width=28, num_classes=10), dtype=torch.float32)
    assert evaluate(model, mnist, "test").num_images == 10_000
