"""What a watched loop says of its terms and its β: compared from the first step on, and recorded as the loop has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support.loops import Net, bce, kl_divergence, lines_of, pixels, seeded, train, watch
from vae.data.dataset import Dataset
from vae.diagnostics.watched_loops.loss_scale import loop_scale
from vae.diagnostics.watched_loops.loss_weights import weight_of_neighbours
from vae.diagnostics.watched_loops.reports import LoopReports
from vae.diagnostics.watched_loops.terms import KL_FORMS, OTHER, Candidate, as_log_var, best_form, kl_forms
from vae.runs.run import Run
from vae.runs.status import Control
from vae.runs.watch_notes import WatchNotes


def reporting(
    kl: Callable[[Tensor, Tensor], Tensor] = kl_divergence,
    reconstruction: Callable[[Tensor, Tensor], Tensor] = bce,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    beta: float | None = None,
) -> Any:
    """A step that minimises what is right, and reports what it is told to."""

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        logits, mean, log_var = model(x)
        terms = {"reconstruction": reconstruction(logits, x), "kl": kl(mean, log_var)}
        if loss is not None:
            terms["loss"] = loss(terms["reconstruction"], terms["kl"])
        return bce(logits, x) + kl_divergence(mean, log_var), terms | ({} if beta is None else {"beta": beta})

    return step


def scale_after(
    tmp_path: Path, digits: Dataset, step: Any, *, steps: int = 12, lr: float = 1e-3, **options: Any
) -> dict[str, Any]:
    """The newest event ``scale`` of a loop that was killed after so many steps."""
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, **options)
    train(model, pixels(digits), watcher, step, steps=steps, lr=lr)
    found = lines_of(watcher.run, "scale")
    watcher.close()
    return found[-1]


def sum_of(values: Tensor) -> Tensor:
    return values.sum(1).mean()


KL_SLIPS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], float | None, str]] = {
    "right": (kl_divergence, 1.0, "right"),
    "mean over dimensions": (lambda m, v: kl_divergence(m, v) / 4, 1 / 4, "right"),
    "sum over the batch": (lambda m, v: kl_divergence(m, v) * 64, 64.0, "right"),
    "wrong sign": (lambda m, v: -kl_divergence(m, v), -1.0, "right"),
    "without its half": (lambda m, v: 2 * kl_divergence(m, v), 2.0, "right"),
    "half twice": (lambda m, v: kl_divergence(m, v) / 2, 0.5, "right"),
    "half left out and the wrong sign": (lambda m, v: -2 * kl_divergence(m, v), -2.0, "right"),
    "mean not squared": (lambda m, v: -0.5 * sum_of(1 + v - m - v.exp()), None, "mean-not-squared"),
    "mean not squared, no half": (lambda m, v: -sum_of(1 + v - m - v.exp()), None, "mean-not-squared"),
    "sigma for its square": (
        lambda m, v: -0.5 * sum_of(1 + v - m.square() - (0.5 * v).exp()),
        None,
        "std-for-variance",
    ),
    "log sigma for that of its square": (
        lambda m, v: -0.5 * sum_of(1 + 0.5 * v - m.square() - v.exp()),
        None,
        "log-std-for-log-variance",
    ),
    "mean left out": (lambda m, v: 0.5 * sum_of(v.exp() - 1 - v), None, "without-mean"),
    "variance left out": (lambda m, v: -0.5 * sum_of(1 + v - m.square()), None, "without-variance"),
    "sign of the mean": (lambda m, v: -0.5 * sum_of(1 + v + m.square() - v.exp()), None, "sign-of-mean"),
    "sign of the variance": (
        lambda m, v: -0.5 * sum_of(1 + v - m.square() + v.exp()),
        None,
        "sign-of-variance",
    ),
    "sign of the logarithm": (lambda m, v: 0.5 * sum_of(v.exp() + m.square() - 1 + v), None, "sign-of-log"),
    "mean not squared but positive": (
        lambda m, v: 0.5 * sum_of(v.exp() + m.abs() - 1 - v),
        None,
        "absolute-mean",
    ),
    "the other way round": (
        lambda m, v: 0.5 * sum_of((1 + m.square()) * (-v).exp() - 1 + v),
        None,
        "reversed",
    ),
    "a mean over dimensions of a sum over the batch": (
        lambda m, v: kl_divergence(m, v) * 64 / 4,
        16.0,
        "right",
    ),
    "one left out": (lambda m, v: -0.5 * sum_of(v - m.square() - v.exp()), None, "without-one"),
}


@pytest.mark.parametrize("slip", KL_SLIPS)
def test_a_slip_in_the_kl_is_seen_within_a_dozen_steps(slip: str, tmp_path: Path, digits: Dataset) -> None:
    kl, ratio, form = KL_SLIPS[slip]
    # These grow as the KL does: they are told from a multiple of it once the networks have changed.
    lr = 2e-2 if form in ("absolute-mean", "reversed") else 1e-3
    found = scale_after(tmp_path, digits, reporting(kl), lr=lr)
    assert found["kl_form"] == form
    if ratio is not None:
        assert found["kl_ratio"] == pytest.approx(ratio, rel=0.1)
        assert found["early_kl_ratio"] == pytest.approx(ratio, rel=0.1)
    assert found["reconstruction_ratio"] == pytest.approx(1, rel=0.1)
    assert found["reconstruction_form"] == "nats"


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_what_is_reported_counts_from_the_first_step_on(steps: int, tmp_path: Path, digits: Dataset) -> None:
    found = scale_after(tmp_path, digits, reporting(lambda m, v: kl_divergence(m, v) / 4), steps=steps)
    assert 1 <= found["num_comparisons"] <= steps
    assert found["kl_ratio"] == pytest.approx(1 / 4, rel=0.15)
    assert found["reported"] == "reconstruction,kl"


@pytest.mark.parametrize("names", [("kl",), ("reconstruction",), ("loss",), ()])
def test_what_was_reported_is_named_whatever_it_was(
    names: tuple[str, ...], tmp_path: Path, digits: Dataset
) -> None:
    everything = reporting(loss=lambda r, k: r + k)

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        loss, terms = everything(model, x)
        return loss, {name: terms[name] for name in names}

    if not names:
        with pytest.raises(IndexError):  # there is no such event
            scale_after(tmp_path, digits, step)
        return
    found = scale_after(tmp_path, digits, step)
    assert found["reported"] == names[0]
    assert found[f"{names[0]}_ratio"] == pytest.approx(1, rel=0.1)


def test_a_loop_that_reports_now_and_then_is_compared_too(tmp_path: Path, digits: Dataset) -> None:
    right, model, count = reporting(lambda m, v: 2 * kl_divergence(m, v)), seeded(Net), iter(range(100))

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        loss, terms = right(model, x)
        return loss, terms if next(count) % 10 == 9 else {}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=40)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    assert found["num_comparisons"] == 4
    assert found["kl_ratio"] == pytest.approx(2, rel=0.15)


# Where the loop puts its β -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "kl", "said", "weight", "place", "effective"),
    [
        (lambda r, k: r + 4 * k, 1.0, 4.0, 4.0, "kl", 4.0),
        (lambda r, k: r + k, 4.0, 4.0, 1.0, "in-kl", 4.0),  # the KL is reported with β in it
        (lambda r, k: 4 * r + k, 1.0, 4.0, 0.25, "reconstruction", 0.25),
        (lambda r, k: r + 4 * k, 1.0, None, 4.0, None, 4.0),  # β was never said
        (lambda r, k: r - k, 1.0, None, -1.0, None, -1.0),
        (lambda r, k: r + k, -1.0, None, 1.0, "kl", -1.0),
        (lambda r, k: r + 4 * k, 0.25, 4.0, 4.0, "kl", 1.0),  # a mean over dimensions
    ],
)
def test_the_weight_of_the_kl_is_read_off_the_loss(
    loss: Callable[[Tensor, Tensor], Tensor],
    kl: float,
    said: float | None,
    weight: float,
    place: str | None,
    effective: float,
    tmp_path: Path,
    digits: Dataset,
) -> None:
    step = reporting(lambda m, v: kl * kl_divergence(m, v), loss=loss, beta=said)
    found = scale_after(tmp_path, digits, step)
    assert found["weight"] == pytest.approx(weight, rel=0.01)
    assert found["beta_place"] == place
    assert found["effective_beta"] == pytest.approx(effective, rel=0.15)


@pytest.mark.parametrize(
    ("loss", "said", "factor"),
    [
        (lambda r, k: r - k, 1.0, -1.0),  # the sign is in the loss, and not in the KL
        (lambda r, k: r + 16 * k, 4.0, 4.0),  # β twice
        (lambda r, k: r / 64 + k, 1.0, 64.0),  # a mean over pixels in the loss alone
        (lambda r, k: r + k / 64, 1.0, 1 / 64),
        (lambda r, k: r + 0 * k, 1.0, 0.0),  # the KL is not in the loss
        (lambda r, k: (r + k) / 128, 1.0, 1.0),  # both alike: the same optimum
        (lambda r, k: r + 4 * k, 4.0, 1.0),
    ],
)
def test_what_the_loss_makes_of_its_terms_is_read_off_and_judged(
    loss: Callable[[Tensor, Tensor], Tensor],
    said: float,
    factor: float,
    tmp_path: Path,
    digits: Dataset,
) -> None:
    found = scale_after(tmp_path, digits, reporting(loss=loss, beta=said))
    assert found["loss_factor"] == pytest.approx(factor, rel=0.01, abs=1e-6)
    scale = loop_scale([found], said, 64, 4, None)
    assert scale is not None and scale.is_certain
    assert scale.is_off == (factor != 1)
    assert scale.effective_beta == pytest.approx(factor * said, rel=0.02)


def test_a_plan_of_the_loop_s_own_is_no_slip(tmp_path: Path, digits: Dataset) -> None:
    count = iter(range(1, 100))
    found = scale_after(tmp_path, digits, reporting(loss=lambda r, k: r + 0.02 * next(count) * k, beta=1.0))
    assert found["loss_factor"] is None


def test_the_weight_of_neighbouring_steps_follows_a_plan_and_no_clamp() -> None:
    def steps(*weights: float) -> list[dict[str, float]]:
        return [{"loss": 20 + weight * 3.0, "reconstruction": 20.0, "kl": 3.0} for weight in weights]

    assert weight_of_neighbours(steps(0.297, 0.298, 0.299, 0.3)) == pytest.approx(0.3)
    assert weight_of_neighbours(steps(1.0, 1.2, 0.9, 1.1)) is None  # free bits, or a third term
    assert weight_of_neighbours(steps(0.5)) is None
    assert weight_of_neighbours([]) is None


@pytest.mark.parametrize("is_last_layer", [True, False])
def test_a_sigmoid_of_a_sigmoid_is_seen_wherever_the_first_one_is(
    is_last_layer: bool, tmp_path: Path, digits: Dataset
) -> None:
    model, images = seeded(Net), pixels(digits)

    def decode(z: Tensor) -> Tensor:
        return torch.sigmoid(model.out(z)) if is_last_layer else model.out(z)

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        logits, mean, log_var = model(x)
        reconstruction, kl = bce(torch.sigmoid(logits), x), kl_divergence(mean, log_var)
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=decode, data=digits)
    train(model, images, watcher, step, steps=30, lr=3e-3)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    assert found["reconstruction_form"] == "sigmoid-twice"
    scale = loop_scale([found], 1.0, 64, 4, None)
    assert scale is not None and scale.is_off and scale.is_certain
    assert scale.title == "The sigmoid is applied twice" and "½" in scale.sentence


def test_a_squared_error_of_what_has_no_sigmoid_is_of_the_output_itself(
    tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)

    def step(model: Net, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        output, mean, log_var = model(x)
        reconstruction, kl = (output - x.flatten(1)).square().sum(1).mean(), kl_divergence(mean, log_var)
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=30)
    watcher.close()
    assert watcher.run.config.model.likelihood == "gaussian"
    assert watcher._watched.decoder.gives == "means"
    assert lines_of(watcher.run, "scale")[-1]["reconstruction_ratio"] == pytest.approx(1, rel=0.1)
    again = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, resume=True)
    again.close()
    assert again._watched.decoder.gives == "means"


def test_a_kl_term_of_another_kind_is_no_multiple_and_claims_no_reduction(
    tmp_path: Path, digits: Dataset
) -> None:
    def squared(mean: Tensor, log_var: Tensor) -> Tensor:
        return 0.2 * kl_divergence(mean, log_var).square()

    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, reporting(squared), steps=40, lr=2e-2)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    assert found["kl_form"] == "other" and found["kl_is_multiple"] is False
    scale = loop_scale([found], 1.0, 64, 4, None)
    assert scale is not None and scale.is_unknown and scale.is_off and not scale.is_certain
    assert "no multiple" in scale.sentence and "mean over dimensions" not in scale.sentence


def test_a_kl_term_in_bits_is_a_multiple_and_no_slip(tmp_path: Path, digits: Dataset) -> None:
    model, step = seeded(Net), reporting(lambda m, v: kl_divergence(m, v) / math.log(2))
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, step, steps=40, lr=2e-2)
    watcher.close()
    found = lines_of(watcher.run, "scale")[-1]
    scale = loop_scale([found], 1.0, 64, 4, None)
    assert scale is not None and not scale.is_off and scale.slip is None


def test_a_loss_with_a_third_term_has_no_weight(tmp_path: Path, digits: Dataset) -> None:
    count = iter(range(100))
    found = scale_after(tmp_path, digits, reporting(loss=lambda r, k: r + k + 10.0 * next(count)))
    assert found["weight"] is None and found["beta_place"] is None


# The β of the record -------------------------------------------------------------------------------------------------


def betas(
    tmp_path: Path, digits: Dataset, loop: Callable[[Any, int], dict[str, Any]], **options: Any
) -> list[float]:
    """The β of each line; the slider is moved to 3 after the second step."""
    model = seeded(Net)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vae.watching.record.METRICS_SECONDS", 0.0)
        patch.setattr("vae.watching.record.LINE_SHARE", math.inf)
        patch.setattr("vae.training.control.CONTROL_SECONDS", 0.0)
        watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits, **options)
        for number in range(6):
            if number == 3:
                watcher.run.request(beta=3.0)
            watcher.step(**loop(watcher, number))
        watcher.close()
    return [line["beta"] for line in lines_of(watcher.run, "train")][1:7]


def test_the_loops_own_beta_goes_before_the_slider(tmp_path: Path, digits: Dataset) -> None:
    assert betas(tmp_path, digits, lambda _, number: {"beta": 0.1 * number}) == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    )
    run = Run.open(tmp_path / "own")
    assert lines_of(run, "beta") == []
    assert run.status().beta == pytest.approx(0.5)
    assert run.config.objective.beta == pytest.approx(0.5)
    notes = WatchNotes.of(run)
    assert notes.reads_beta is False and notes.reads_stop is False


def test_a_loop_that_asks_obeys_the_slider(tmp_path: Path, digits: Dataset) -> None:
    def loop(watcher: Any, _number: int) -> dict[str, Any]:
        assert watcher.beta and not watcher.stop_requested
        return {}

    assert betas(tmp_path, digits, loop, beta=2.0) == [2, 2, 2, 3, 3, 3]
    run = Run.open(tmp_path / "own")
    (event,) = lines_of(run, "beta")
    assert (event["before"], event["beta"], event["by_hand"]) == (2.0, 3.0, True)
    assert run.config.objective.beta == 2.0  # as it was made
    notes = WatchNotes.of(run)
    assert notes.reads_beta and notes.reads_stop


def test_a_loop_that_asked_once_keeps_what_it_was_told(tmp_path: Path, digits: Dataset) -> None:
    def loop(watcher: Any, number: int) -> dict[str, Any]:
        if number == 0:
            assert watcher.beta == 0.5
        return {}

    assert betas(tmp_path, digits, loop, beta=0.5) == [0.5] * 6


def test_a_slider_that_nobody_asks_for_moves_nothing(tmp_path: Path, digits: Dataset) -> None:
    assert betas(tmp_path, digits, lambda *_: {}, beta=0.5) == [0.5] * 6
    assert Run.open(tmp_path / "own").control() == Control(beta=3.0)


def test_a_beta_that_is_said_nowhere_is_read_off_the_loss(tmp_path: Path, digits: Dataset) -> None:
    loop = lambda _watcher, number: {"loss": 60 + 0.2 * 10, "reconstruction": 60.0, "kl": 10.0}  # noqa: E731
    assert betas(tmp_path, digits, loop)[-1] == pytest.approx(0.2)


# What may be reported ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        torch.full((64,), 3.0),
        torch.full((64, 1), 3.0, dtype=torch.float16),
        torch.tensor(3),
        3,
        torch.tensor(3.0, requires_grad=True).numpy(force=True),
        torch.full((5,), 3.0, dtype=torch.float64).numpy(),
    ],
)
def test_terms_may_be_tensors_arrays_or_numbers(value: Any, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    watcher.step(value, kl=value)
    watcher.close()
    line = lines_of(watcher.run, "train")[-1]
    assert line["reported_loss"] == line["reported_kl"] == 3.0


@pytest.mark.parametrize("value", ["much", object(), [1, 2], {"loss": 1}])
def test_what_is_no_number_is_told_once_and_the_loop_goes_on(
    value: Any, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    with pytest.warns(UserWarning, match="loss must be a number or a tensor"):
        watcher.step(value)
    watcher.step(value, kl=1.0)
    watcher.close()
    assert watcher.run.status().state == "finished"
    assert lines_of(watcher.run, "train")[-1]["reported_kl"] == 1.0


def test_a_loss_that_a_scaler_skips_is_no_divergence(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=model.decode, data=digits)
    for loss in (1.0, math.inf, math.nan, 1.0):
        watcher.step(loss, kl=torch.tensor(loss))
    watcher.close()
    assert watcher.run.status().state == "finished"


# The forms themselves ------------------------------------------------------------------------------------------------


def test_the_right_form_is_the_divergence_that_torch_has() -> None:
    mean, std = torch.randn(50, 3, dtype=torch.float64), torch.rand(50, 3, dtype=torch.float64) + 0.1
    prior = torch.distributions.Normal(torch.zeros(3, dtype=torch.float64), 1.0)
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(mean, std), prior).sum(1).mean()
    for kind, spread in (("std", std), ("var", std**2), ("log_std", std.log()), ("log_var", 2 * std.log())):
        forms = kl_forms(mean, as_log_var(spread, kind))  # type: ignore[arg-type]
        assert set(forms) == set(KL_FORMS)
        torch.testing.assert_close(forms["right"], expected)


def test_a_form_is_taken_for_another_only_if_it_is_far_better() -> None:
    def form(reported: list[float], a: list[float], b: list[float]) -> str:
        candidates = [Candidate("a", (1.0,), is_plain=True), Candidate("a", (2.0,)), Candidate("b", (1.0,))]
        return best_form(reported, {"a": a, "b": b}, "a", candidates)

    assert form([1.0, 1.0], [5.0, 9.0], [1.0, 1.0]) == "a"  # too few
    assert form([1.0] * 3, [5.0, 9.0, 7.0], [1.0] * 3) == "b"
    assert form([1.0] * 3, [1.04] * 3, [1.02] * 3) == "a"
    assert form([1.0] * 3, [0.51] * 3, [1.03] * 3) == "a"  # twice
    assert form([1.0] * 3, [-5.0] * 3, [math.nan] * 3) == OTHER


def test_no_comparison_is_made_of_networks_of_another_step() -> None:
    reports = LoopReports(lambda: {"nats": torch.tensor(1.0), "right": torch.tensor(1.0)}, 64, 2, 128)
    reports.add({"kl": 1.0}, 1.0)
    assert not reports.settle()  # nothing was measured before it
    reports.measure()
    reports.add({}, 1.0)
    reports.add({"kl": 1.0}, 1.0)
    assert not reports.settle()  # two steps ago
    reports.measure()
    reports.add({"kl": 2.0}, 1.0)
    assert reports.settle() and reports.num_compared == 1
