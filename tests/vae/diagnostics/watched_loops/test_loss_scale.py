"""The scale of a watched loop: which reductions its reported terms betray."""

from __future__ import annotations

from typing import Any

import pytest

from vae.diagnostics.watched_loops.loss_scale import REPORT, LoopScale, loop_scale, pays, unknown
from vae.diagnostics.watched_loops.reductions import likeliest
from vae.diagnostics.watched_loops.slips import KL_SLIPS
from vae.runs.metric_lines import Line

PIXELS, DIMS, BATCH = 64, 4, 128


def event(reconstruction: float | None, kl: float | None = 1.0, **changes: Any) -> Line:
    return {
        "event": "scale",
        "reconstruction_ratio": reconstruction,
        "kl_ratio": kl,
        "num_comparisons": 20,
        "batch_size": BATCH,
        **changes,
    }


def scale(
    reconstruction: float | None, kl: float | None = 1.0, *, beta: float = 1.0, sigma: float | None = None
) -> LoopScale:
    found = loop_scale([event(reconstruction, kl)], beta, PIXELS, DIMS, sigma)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("reconstruction", "kl", "effective", "words"),
    [
        (1 / 64, 1.0, 64.0, "a mean over pixels"),
        (1 / 64, 1 / 4, 16.0, "a mean over dimensions"),
        (1.0, 1 / 4, 0.25, "a mean over dimensions"),
        (1.0, 1 / 64, 1 / 64, "divided by the pixels"),
        (1 / 64, 1 / 256, 0.25, "a mean over dimensions, divided by the pixels"),
        (128.0, 1.0, 1 / 128, "a sum over the batch"),
        (1.0, 128.0, 128.0, "a sum over the batch"),
    ],
)
def test_a_reduction_is_known_by_its_ratio_and_gives_the_beta_that_it_amounts_to(
    reconstruction: float, kl: float, effective: float, words: str
) -> None:
    found = scale(1.1 * reconstruction, 0.9 * kl)  # batches and noise differ a little
    assert found.is_certain and found.is_off
    assert found.effective_beta == effective
    assert words in found.words
    assert found.remedies[-1].startswith(f"or a weight of {1 / effective:.3g} in front of the KL term")


@pytest.mark.parametrize(("error", "ratio"), [("a squared error", 0.02), ("half a squared error", 0.01)])
def test_a_squared_error_is_known_by_the_sigma_that_it_leaves_out(error: str, ratio: float) -> None:
    summed, averaged = scale(ratio, sigma=0.1), scale(ratio / 64, sigma=0.1)
    assert f"{error} without its σ" in summed.words
    assert summed.effective_beta == pytest.approx(1 / ratio)
    assert f"{error} without its σ, as a mean over pixels" in averaged.words
    assert averaged.effective_beta == pytest.approx(64 / ratio)


def test_sums_are_right_whatever_the_noise_and_so_are_two_mistakes_that_cancel() -> None:
    for reconstruction, kl in ((1.0, 1.0), (0.8, 1.3), (1.0, None), (128.0, 128.0), (1 / 64, 1 / 64)):
        assert not scale(reconstruction, kl).is_off
    # 1/64 in front of the KL term makes up for the mean over pixels.
    assert not scale(1 / 64, beta=1 / 64).is_off


def test_a_ratio_that_is_no_reductions_is_no_certainty() -> None:
    found = scale(1 / 9)
    assert not found.is_certain
    assert found.effective_beta == pytest.approx(9)
    assert found.words == "your reconstruction is 1/9 of ours"
    assert found.remedies == ("a weight of 0.111 in front of the KL term, which is β = 1 here",)


def test_with_or_without_the_constants_of_a_density_the_ratio_is_that_of_a_reduction() -> None:
    # −log p is 149 nats, and 238 without its constants of −89: the mean squared error is 238 · 2σ² / 64.
    error = 238 * 0.02 / PIXELS
    assert likeliest([error / 149, error / 238], PIXELS, BATCH, 0.1) == pytest.approx(0.02 / PIXELS)
    assert likeliest([149 / 149, 149 / 238], PIXELS, BATCH, 0.1) == 1
    assert likeliest([238 / 149, 238 / 238], PIXELS, BATCH, 0.1) == 1


def test_a_kl_term_that_was_never_compared_is_supposed_and_not_known_and_gives_no_weight() -> None:
    found = scale(1 / 64, None)
    assert found.is_off and not found.is_certain
    assert (
        "if your KL term is a sum, your β = 1 trains like β = 64; if it is a mean over dimensions, as β = 16."
        in (found.sentence)
    )
    assert found.amounts.endswith("if the KL term is a sum")
    assert not any("weight" in remedy for remedy in found.remedies)
    assert "So your β = 1 trains like β = 64." in scale(1 / 64).sentence


def test_the_kl_of_the_first_steps_counts_where_it_vanished_later_or_was_too_noisy() -> None:
    both_means = event(1 / 784, None, early_kl_ratio=0.9 / 20)
    found = loop_scale([both_means], 1.0, 784, 20, None)
    assert found is not None and found.is_certain
    assert found.effective_beta == pytest.approx(39.2)
    assert found.remedies[-1].startswith("or a weight of 0.0255 ")
    noisy = loop_scale([event(1 / 64, 0.5, early_kl_ratio=0.26)], 1.0, PIXELS, DIMS, None)
    assert noisy is not None and noisy.effective_beta == 16
    # Networks that do otherwise in training than in use give a ratio that is no reduction's.
    nothing = loop_scale([event(1 / 64, None, early_kl_ratio=3.0)], 1.0, PIXELS, DIMS, None)
    assert nothing is not None and nothing.kl is None
    late = loop_scale([event(1 / 64, 1.1, early_kl_ratio=1 / 4)], 1.0, PIXELS, DIMS, None)
    assert late is not None and late.effective_beta == 64


def test_a_loop_that_reports_only_its_loss_has_a_likely_scale_and_no_known_one() -> None:
    found = loop_scale([event(None, None, loss_ratio=1.1 / 64)], 1.0, PIXELS, DIMS, None)
    assert found is not None and found.is_off and not found.is_certain
    assert "your loss is 1/64 of ours, as if the reconstruction were a mean over pixels" in found.sentence
    assert found.remedies[0] == REPORT
    assert found.remedies[1].startswith("if it is so: sum the reconstruction")
    right = loop_scale([event(None, None, loss_ratio=1.1)], 1.0, PIXELS, DIMS, None)
    assert right is not None and not right.is_off and not right.is_certain


def test_where_the_scale_is_not_known_nothing_is_claimed_at_the_beta_that_the_code_says() -> None:
    alone = loop_scale([event(None, None, loss_ratio=1.0)], 1.0, PIXELS, DIMS, None)
    for unknown_scale in (None, alone, scale(1.0, None)):
        assert "at β = 1" not in pays(1.0, unknown_scale, is_watched=True)
        assert REPORT in pays(1.0, unknown_scale, is_watched=True)
        assert unknown(1.0, unknown_scale).startswith("the scale of your loop's terms is not known: it")
    assert "too few training images" in pays(1.0, None, is_watched=False, is_known=False)
    for known, is_watched in ((scale(1.0), True), (None, False)):
        assert "at β = 1 a model that uses z" in pays(1.0, known, is_watched=is_watched)


def test_the_newest_comparison_counts_and_none_without_one() -> None:
    assert loop_scale([event(1.0), event(1 / 64)], 1.0, PIXELS, DIMS, None) == scale(1 / 64)
    for history in ([], [event(None)], [event(-1.0)], [event("much")]):  # type: ignore[arg-type]
        assert loop_scale(history, 1.0, PIXELS, DIMS, None) is None
    assert loop_scale([event(1.0)], 0.0, PIXELS, DIMS, None) is None


def test_the_line_of_code_to_change_is_said_and_gives_what_the_objective_has() -> None:
    import math

    import torch

    from vae.models.priors import StandardNormal

    mean, log_var = torch.randn(5, 3, dtype=torch.double), torch.randn(5, 3, dtype=torch.double)
    x_hat, x = torch.rand(5, 1, 8, 8, dtype=torch.double), torch.rand(5, 1, 8, 8, dtype=torch.double)
    names = {"mean": mean, "log_var": log_var, "x_hat": x_hat, "x": x, "sigma": 0.1, "beta": 1.0}
    names["per_pixel"] = -torch.distributions.Normal(x_hat, 0.1).log_prob(x)
    right = StandardNormal(3).rate_per_dim(mean, log_var).sum(1).mean()

    def code(found: LoopScale) -> list[str]:
        return [remedy.split("`")[1] for remedy in found.remedies if "line of" in remedy]

    (kl,) = code(scale(1.0, 1 / 4))
    (per_pixel,) = code(scale(1 / 64, 1.0))
    (squared,) = code(scale(0.02, 1.0, sigma=0.1))
    for line in (per_pixel, squared, kl):
        exec(line, names)
    assert names["kl"] == pytest.approx(float(right))
    constant = 64 * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    assert float(names["reconstruction"]) + constant == pytest.approx(
        float(names["per_pixel"].flatten(1).sum(1).mean())  # type: ignore[attr-defined]
    )
    assert code(scale(1.0, -1.0))[-1] == "loss = reconstruction + beta * kl"
    assert code(scale(1.0, 1.0)) == []


@pytest.mark.parametrize(
    ("factor", "title", "words"),
    [
        (-1.0, "The KL term has the wrong sign", ("by −1, and not by your β = 1", "trains like β = −1")),
        (0.0, "The KL term is not in the loss", ("by 0, and not", "this is an autoencoder")),
        (16.0, "β is not the weight of the KL term", ("by 16, and not", "trains like β = 16")),
    ],
)
def test_a_loss_that_does_not_weigh_the_kl_by_beta_is_named_with_the_line_to_change(
    factor: float, title: str, words: tuple[str, ...]
) -> None:
    found = loop_scale([event(1.0, 1.0, loss_factor=factor)], 1.0, PIXELS, DIMS, None)
    assert found is not None and found.is_off and found.is_certain
    assert found.title == title
    assert all(word in found.sentence for word in words)
    assert found.remedies[-1].startswith("the line of the loss")


@pytest.mark.parametrize("factor", [None, 1.0, 1.3, 0.8, "much", True])
def test_a_weight_near_beta_or_none_changes_nothing(factor: Any) -> None:
    plain = scale(1 / 64)
    found = loop_scale([event(1 / 64, 1.0, loss_factor=factor)], 1.0, PIXELS, DIMS, None)
    assert found is not None and found.sentence == plain.sentence and found.remedies == plain.remedies


def test_every_slip_has_a_clean_sentence_and_a_remedy() -> None:
    for form in KL_SLIPS:
        found = loop_scale([event(1.0, 1.0, kl_form=form, kl_is_multiple=False)], 1.0, PIXELS, DIMS, None)
        assert found is not None and found.is_off and found.remedies
        assert len(found.sentence) <= 400 and found.sentence.isprintable()
        assert found.is_certain == (form != "other")
