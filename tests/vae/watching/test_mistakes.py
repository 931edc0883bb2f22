"""Mistakes seen in well-known repositories, each made impossible here by a claim that a test holds.

What is not there yet (importance weights, mutual information) brings its own.
"""

from __future__ import annotations

import ast
import importlib.util
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

import vae
from vae import browser
from vae.config.checks import warnings
from vae.config.schema import DataInfo, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.evaluation.elbo import evaluate
from vae.models.likelihoods import likelihood
from vae.models.posterior_statistics import active_units
from vae.models.priors import gaussian_kl
from vae.models.vae import VAE
from vae.objectives.schedules import beta_at
from vae.objectives.terms import Terms
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.storage.safetensors_io import load
from vae.training.trainer import Trainer

MakeModel = Callable[..., VAE]
MakeInfo = Callable[..., DataInfo]


def grey(num: int = 6) -> Tensor:
    return torch.rand(num, 1, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def trained(path: Path, digits: Dataset, **options: Any) -> tuple[Run, list[dict[str, Any]]]:
    """A short run on the digits, and the lines that it reported."""
    train = TrainConfig(device="cpu", num_snapshots=0, eval_every=1, **options.pop("train"))
    config = RunConfig(model=ModelConfig(hidden=(64,)), train=train, **options)
    run = Run.create(path, config, digits.info())
    return run, [report.line for report in Trainer(run, digits).train()]


# 1. Mean instead of sum over pixels; a β that is stored and never used --------------------------------------


def test_twice_the_pixels_are_twice_the_distortion_and_the_same_rate(
    make_model: MakeModel, make_info: MakeInfo
) -> None:
    def terms(num_copies: int) -> Terms:
        model = make_model(info=make_info(width=4 * num_copies), hidden=())
        with torch.no_grad():
            for weight in model.encoder.parameters():
                weight.fill_(0.1 / num_copies if weight.ndim == 2 else 0.1)
            for weight in model.decoder.parameters():
                weight.fill_(0.3)
        return model.terms(grey().repeat(1, 1, 1, num_copies), None, seeded())

    once, twice = terms(1), terms(2)
    torch.testing.assert_close(twice.distortion, 2 * once.distortion)
    torch.testing.assert_close(twice.rate, once.rate)


def test_the_loss_is_in_nats_per_example_so_that_more_images_do_not_change_it(make_model: MakeModel) -> None:
    terms = make_model().terms(grey(), None, seeded())
    doubled = Terms(terms.distortion.repeat(2), terms.rate_per_dim.repeat(2, 1))
    torch.testing.assert_close(doubled.loss(3.0), terms.loss(3.0))


def test_beta_changes_the_gradient_by_the_gradient_of_the_rate(make_model: MakeModel) -> None:
    def gradient(loss: Callable[[Terms], Tensor]) -> Tensor:
        model = make_model()
        loss(model.terms(grey(), None, seeded())).backward()
        return torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in model.parameters()]
        )

    of_rate = gradient(lambda terms: terms.rate.mean())
    at_1, at_4 = gradient(lambda terms: terms.loss(1.0)), gradient(lambda terms: terms.loss(4.0))
    assert float(of_rate.abs().max()) > 1e-3
    torch.testing.assert_close(at_4 - at_1, 3 * of_rate)


def test_the_beta_of_a_configuration_reaches_the_weights(digits: Dataset, tmp_path: Path) -> None:
    rates = {}
    for beta in (0, 1, 20):
        options = {
            "objective": ObjectiveConfig(beta=beta),
            "train": {"epochs": 2, "batch_size": 64, "learning_rate": 5e-3},
        }
        run, _ = trained(tmp_path / f"beta-{beta}", digits, **options)
        rates[beta] = evaluate(load_model(run, "last"), digits, "test").rate
    assert rates[0] > 3 * rates[1] > 9 * rates[20]


# 2. KL with the wrong sign, or μ where μ² belongs -----------------------------------------------------------


def test_the_rate_is_the_kl_divergence_from_posterior_to_prior_and_not_the_other_way() -> None:
    mean = torch.tensor([[0.0, 1.5, -1.5, 0.3]], dtype=torch.float64)
    log_var = torch.tensor([[0.0, -2.0, -2.0, 1.0]], dtype=torch.float64)
    posterior, prior = Normal(mean, torch.exp(0.5 * log_var)), Normal(0.0, 1.0)
    found = gaussian_kl(mean, log_var)
    torch.testing.assert_close(found, kl_divergence(posterior, prior), rtol=0, atol=1e-12)
    assert (found - kl_divergence(Normal(torch.zeros(4), 1.0), posterior)).abs()[0, 1] > 1
    assert found[0, 1] == found[0, 2], "μ comes squared"


def test_lowering_the_rate_leads_to_the_prior() -> None:
    mean, log_var = torch.tensor([[[2.0, -2.0]], [[1.5, -1.5]]], dtype=torch.float64)
    for _ in range(200):
        slope_of_mean, slope_of_log_var = torch.func.grad(lambda *p: gaussian_kl(*p).sum(), (0, 1))(
            mean, log_var
        )
        mean, log_var = mean - 0.2 * slope_of_mean, log_var - 0.2 * slope_of_log_var
    assert float(mean.abs().max()) < 1e-6 and float(log_var.abs().max()) < 1e-6


def test_the_bernoulli_gives_a_white_pixel_the_log_of_the_mean_and_a_black_one_that_of_the_rest() -> None:
    found = likelihood(ModelConfig())
    logit = torch.tensor(1.2, dtype=torch.float64).reshape(1, 1, 1, 1)
    p = 1 / (1 + math.exp(-1.2))
    worth = {1.0: math.log(p), 0.0: math.log(1 - p), 0.25: 0.25 * math.log(p) + 0.75 * math.log(1 - p)}
    for x, expected in worth.items():
        assert float(found.log_prob(logit, torch.full_like(logit, x))) == pytest.approx(expected, abs=1e-14)


# 3. Cross-entropy on probabilities, which saturates; grey pixels refused ------------------------------------


def test_a_confident_mistake_costs_its_logit_and_keeps_its_gradient() -> None:
    # On probabilities torch clamps the cost to 100 nats, and the gradient is gone long before.
    logit = torch.full((1, 1, 1, 1), -300.0, requires_grad=True)
    log_prob = likelihood(ModelConfig()).log_prob(logit, torch.ones(1, 1, 1, 1))
    log_prob.backward()
    assert log_prob.item() == -300
    assert logit.grad is not None and logit.grad.item() == 1


@pytest.mark.parametrize("name", ["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"])
def test_grey_pixels_are_taken_by_every_likelihood(name: str, make_model: MakeModel) -> None:
    terms = make_model(likelihood=name).terms(grey(), None, seeded())
    assert torch.isfinite(terms.elbo).all()


# 4. Gaussian constants left out in training and put in at evaluation ----------------------------------------


@pytest.mark.parametrize("name", ["gaussian", "gaussian-learned"])
def test_a_perfect_gaussian_reconstruction_still_has_its_constants(name: str) -> None:
    found = likelihood(ModelConfig(likelihood=name, sigma=0.1)).double()
    x = torch.rand(1, 1, 28, 28, dtype=torch.float64)
    expected = -784 * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    assert found.log_prob(x, x).item() == pytest.approx(expected, abs=1e-4)
    assert abs(-784 * 0.5 * math.log(2 * math.pi)) > 700


def test_training_and_evaluation_tell_one_objective(
    trained_run: Run, digits: Dataset, tmp_path: Path
) -> None:
    model = ModelConfig(hidden=(16,), likelihood="gaussian")
    train = TrainConfig(epochs=3, batch_size=64, device="cpu", num_snapshots=0, learning_rate=1e-9)
    run = Run.create(tmp_path / "still", RunConfig(model=model, train=train), digits.info())
    lines = [report.line for report in Trainer(run, digits).train()]
    found = evaluate(load_model(run, "last"), digits, "train")
    told = [line for line in lines if line.get("split") == "train"]
    num_steps = sum(line["num_steps"] for line in told)
    for key in ("distortion", "rate", "elbo"):
        mean = sum(line[key] * line["num_steps"] for line in told) / num_steps
        assert mean == pytest.approx(getattr(found, key), rel=0.02)
    assert 64 * 0.5 * math.log(2 * math.pi) > 0.02 * abs(found.elbo), "missing constants would show"


# 5. Evaluation at the posterior mean called ELBO, or stopping after the first batch -------------------------


def test_the_elbo_is_of_samples_of_z_and_of_all_images(trained_run: Run, digits: Dataset) -> None:
    model = load_model(trained_run)
    found = evaluate(model, digits, "train", seed=5)
    x = digits.pixels(digits.part("train")[0])
    mean, log_var = model.posterior(x)
    at_the_mean = float(-model.likelihood.log_prob(model.decoder(mean), x).double().mean())
    assert found.num_images == len(x) == 1294
    assert abs(found.distortion - at_the_mean) > 10 * found.standard_error
    sampled = torch.stack([model.terms(x, None, seeded()).distortion for _ in range(20)]).double().mean()
    assert found.distortion == pytest.approx(float(sampled), abs=2 * found.standard_error)
    assert found.rate == pytest.approx(float(gaussian_kl(mean, log_var).double().sum(1).mean()), abs=1e-4)


# 7. The best checkpoint picked on the annealed objective ----------------------------------------------------


def test_the_best_checkpoint_has_the_best_validation_elbo_at_beta_1(digits: Dataset, tmp_path: Path) -> None:
    objective = ObjectiveConfig(beta=1.5, schedule="linear", warmup_epochs=8)
    train = {"epochs": 8, "batch_size": 32, "learning_rate": 5e-3}
    run, lines = trained(tmp_path / "annealed", digits, objective=objective, train=train)
    found = [line for line in lines if line.get("split") == "validation"]
    assert len(found) == 8
    best = max(found, key=lambda line: line["elbo"])
    annealed = min(found, key=lambda line: line["distortion"] + line["beta"] * line["rate"])
    assert annealed["step"] < best["step"], "the annealed objective would pick an epoch of small β"
    assert all(line["elbo"] == pytest.approx(-line["distortion"] - line["rate"], abs=1e-5) for line in found)
    seed = run.config.train.seed
    kept = evaluate(load_model(run, "best"), digits, "validation", seed=seed)
    assert kept.elbo == pytest.approx(best["elbo"], abs=1e-4)


# 8. A warm-up longer than the training ----------------------------------------------------------------------


def test_a_warm_up_that_never_reaches_beta_is_told() -> None:
    objective = ObjectiveConfig(beta=4, schedule="linear", warmup_epochs=50)
    (warning,) = warnings(RunConfig(objective=objective, train=TrainConfig(epochs=10)))
    assert "longer than train.epochs" in warning and "beta never reaches 4" in warning


@pytest.mark.parametrize("schedule", ["linear", "sigmoid"])
def test_every_warm_up_is_told_of_and_one_that_fits_ends_at_beta(schedule: str) -> None:
    objective = ObjectiveConfig(beta=4, schedule=schedule, warmup_epochs=50)
    (warning,) = warnings(RunConfig(objective=objective, train=TrainConfig(epochs=49)))
    assert "beta never reaches 4" in warning and beta_at(objective, 49) < 4
    assert warnings(RunConfig(objective=objective, train=TrainConfig(epochs=50))) == []
    assert beta_at(objective, 50) == 4


# 9. Free bits that clamp the rate, and the clamped value reported -------------------------------------------


@pytest.mark.parametrize("per", ["dimension", "total"])
def test_the_rate_reported_under_free_bits_is_the_true_one(per: str, digits: Dataset, tmp_path: Path) -> None:
    objective = ObjectiveConfig(free_bits=50, free_bits_per=per)  # far more than is ever reached
    run, lines = trained(
        tmp_path / "free", digits, objective=objective, train={"epochs": 1, "batch_size": 128}
    )
    told = [line for line in lines if "rate" in line]
    assert {line["split"] for line in told} == {"train", "validation"}
    for line in told:
        assert 0 < line["rate"] < 50 and max(line["rate_per_dim"]) < 50
        assert line["rate"] == pytest.approx(sum(line["rate_per_dim"]))
        assert line["elbo"] == pytest.approx(-(line["distortion"] + line["rate"]))
    mean, log_var = load_model(run, "last").posterior(digits.pixels(digits.part("validation")[0]))
    rate = float(kl_divergence(Normal(mean, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum(1).mean())
    assert told[-1]["split"] == "validation" and told[-1]["rate"] == pytest.approx(rate, rel=1e-5)


# 10. A label at the decoder only, or not checked ------------------------------------------------------------


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_label_reaches_encoder_and_decoder(network: str, make_model: MakeModel) -> None:
    model = make_model(network=network, conditional=True)
    x, z = grey(2), torch.zeros(2, 2, dtype=torch.float64)
    for y in range(3):
        ours, theirs = torch.full((2,), y), torch.full((2,), (y + 1) % 3)
        assert (model.posterior(x, ours)[0] != model.posterior(x, theirs)[0]).all()
        assert (model.posterior(x, ours)[1] != model.posterior(x, theirs)[1]).all()
        assert (model.decode(z, ours) != model.decode(z, theirs)).all()


@pytest.mark.parametrize("y", [None, torch.tensor([0, 3]), torch.tensor([-1, 0]), torch.tensor([0])])
def test_labels_that_cannot_be_are_refused(y: Tensor | None, make_model: MakeModel) -> None:
    with pytest.raises(UserError, match="label"):
        make_model(conditional=True).terms(grey(2), y)


# 11. Weights of one epoch with the optimiser of another; pickled checkpoints --------------------------------


def test_weights_optimiser_and_position_of_a_checkpoint_are_one_file_of_one_step(trained_run: Run) -> None:
    tensors, state = load(trained_run.checkpoints_dir, "last")
    steps = {int(tensor) for name, tensor in tensors.items() if re.fullmatch(r"optimizer\..+\.step", name)}
    assert steps == {trained_run.status().step} == {63}
    assert (state["epochs"], state["batch"]) == (3, 0)
    names = {name.removeprefix("model.") for name in tensors if name.startswith("model.")}
    assert names == set(load_model(trained_run).state_dict())
    assert all(f"optimizer.{name}.exp_avg_sq" in tensors for name in names)


def test_a_run_has_no_file_that_could_execute_something(trained_run: Run) -> None:
    files = [path for path in trained_run.path.rglob("*") if path.is_file() and path.name != "lock"]
    assert len(files) > 10
    assert {path.suffix for path in files} <= {".json", ".jsonl", ".safetensors"}


def calls(source: str) -> Iterator[str]:
    """Names of imported modules, and of functions called, as written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (f"import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"import {node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_no_module_of_ours_can_unpickle() -> None:
    refused = re.compile(
        r"import (pickle|dill|shelve|marshal)\b|(torch|np|numpy|joblib)\.(load|save)$"
        r"|import joblib($|\.(load|dump|numpy_pickle))"  # its workers are ours, files may be anybody's
    )
    packages = [Path(next(iter(vae.__path__)))]
    dashboard = importlib.util.find_spec("dashboard")
    if dashboard is not None and dashboard.submodule_search_locations:
        packages.append(Path(dashboard.submodule_search_locations[0]))
    sources = [path for package in packages for path in package.rglob("*.py")]
    assert len(sources) > 20
    found = [
        f"{path.name}: {name}"
        for path in sources
        for name in calls(path.read_text(encoding="utf-8"))
        if refused.match(name)
    ]
    assert found == []
    forbidden = "import pickle\nfrom joblib import load\ntorch.load(x)"
    assert [name for name in calls(forbidden) if refused.match(name)] == [
        "import pickle",
        "import joblib.load",
        "torch.load",
    ]


# 12. Active units counted by other thresholds ---------------------------------------------------------------


def test_a_unit_is_active_if_the_variance_of_its_posterior_mean_over_images_exceeds_a_hundredth() -> None:
    column = torch.randn(500, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    column = (column - column.mean()) / column.std()
    mean = 10 + column * torch.tensor([0.0, 0.0099, 0.0101, 1.0], dtype=torch.float64).sqrt()
    assert active_units(mean).tolist() == [False, False, True, True]


# 14. Axes of a latent map labelled "mu" and "sigma" ---------------------------------------------------------


def test_the_axes_of_the_map_are_latent_dimensions() -> None:
    script = browser.files()["map/words.js"]
    found = re.search(
        r"function axisTitles\(.+?\) \{(.+?)\n\}", script.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found is not None
    assert "[dimName(0), dimName(1)]" in found[1]
    assert not re.search(r"\b(mu|sigma|mean|variance)\b|[μσ]", found[1], re.IGNORECASE)
