"""The forms of the terms that a loop may report, and when one is taken for another."""

from __future__ import annotations

import math

import torch

from vae.diagnostics.watched_loops.reports import LoopReports
from vae.diagnostics.watched_loops.terms import KL_FORMS, OTHER, Candidate, as_log_var, best_form, kl_forms


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
