"""A path through Collapse: one click, and a collapse is seen and named live; one more, and its cure is beside it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.cache.diagnoses import with_threshold
from vae.diagnostics.diagnose import diagnose
from vae.experiments.failure_modes import RECIPES
from vae.objectives.effective_beta import effective_beta
from vae.runs.run import Run
from vae.runs.size import NUM_PROBES

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App, Watch

HEAT = '[data-chart="course"]'
VERDICTS = ".verdict[data-verdict]"


def verdicts(app: App) -> list[str]:
    """Names of the verdicts that the page shows, from left to right."""
    return list(app.page.locator(VERDICTS).evaluate_all("nodes => nodes.map((node) => node.dataset.verdict)"))


def stages(app: App) -> int:
    """Columns of the heat map."""
    return int(app.page.locator(HEAT).evaluate_all("nodes => nodes[0]?.dataset.stages ?? 0"))


def ended(app: App, run: Run) -> None:
    """Stop a run's training, and wait for its end."""
    run.request(command="stop")
    app.until(lambda: not run.is_locked(), "the trainer did not stop")


def ranges(app: App) -> list[Any]:
    """What each chart of curves spans: its axes, panel by panel."""
    axes = "chart => [1, 2, 3].map((k) => (chart.layout?.[k > 1 ? `yaxis${k}` : 'yaxis'] ?? {}).range)"
    charts = app.page.locator('[data-chart="curves"] .chart')
    return list(charts.evaluate_all(f"charts => charts.map({axes})"))


@pytest.mark.thorough
def test_one_click_collapses_a_model_live_and_one_more_cures_it_beside(
    kept: App, watch: Watch, server: Server
) -> None:
    app = watch(kept)
    recipe = RECIPES["beta-too-high"]
    app.open("collapse", tab="recipes")
    app.page.locator(".st-key-recipe-beta-too-high button").click()
    app.ready("diagnosis")
    before = server.newest()
    assert before.config == recipe.config
    assert app.query() == {"run": before.id}
    app.page.evaluate("window.notReloaded = true")
    app.until(lambda: verdicts(app) == [recipe.verdict], "the verdict was not named", 40)
    ended(app, before)
    app.until(lambda: stages(app) == len(before.snapshots()) > 1, "the heat map did not grow to the end")

    app.button(recipe.cures[0].title).first.click()
    app.until(lambda: app.query().get("before") == before.id, "the cured run is not beside its recipe's")
    after = server.newest()
    assert (after.config.train.seed, after.config.objective.beta) == (before.config.train.seed, 1.0)
    fine = ("healthy", "spare-dimensions")
    app.until(
        lambda: len(both := verdicts(app)) == 2 and both[0] == recipe.verdict and both[1] in fine,
        "the cure does not show beside the collapse",
        40,
    )
    assert app.page.evaluate("window.notReloaded") is True
    ended(app, after)

    def follows() -> bool:
        steps = app.page.locator(VERDICTS).evaluate_all("nodes => nodes.map((node) => node.dataset.step)")
        return steps == [str(run.status().step) for run in (before, after)]

    app.until(follows, "the page does not show what training came to")
    # Verdicts, images and remedies are on the first screen; the charts are folded below it.
    app.page.locator(".st-key-collapse-beside summary").first.click()
    expected = [
        f"{found.num_active} of {found.latent_dim} dimensions {'is' if found.num_active == 1 else 'are'} active. "
        f"Total KL {found.rate:.2f} nats per image."
        for found in map(diagnose, (before, after))
    ]
    told = app.page.locator('[data-chart="rates"] .ll-note:not(.legend)')
    app.until(lambda: told.all_inner_texts() == expected, "the numbers are not those of the library")
    app.until(lambda: len(set(map(str, ranges(app)))) == 1, "the curves are not drawn to one scale")
    assert all(ranges(app)[0])
    sheets = app.page.locator(".sheet:visible")
    app.until(lambda: sheets.count() == 4, "images of both runs are not there")


def full(route: Route) -> None:
    """Answer with a diagnosis whose I(x; z) has come to its ceiling."""
    response = route.fetch()
    found = response.json()
    found["information"]["saturated"] = True
    route.fulfill(response=response, json=found)


@pytest.fixture(scope="module")
def run(server: Server, shelf: Shelf) -> Run:
    return shelf.put("digits", server, "collapse-mine", "Mine")


@pytest.mark.thorough
def test_the_threshold_and_the_quantity_go_by_keyboard_into_the_link_and_back(
    kept: App, watch: Watch, run: Run
) -> None:
    app = watch(kept)
    app.open("collapse", "diagnosis", "time", run=run.id)
    app.page.get_by_label("Threshold of activity").focus()
    app.page.keyboard.press("End")
    app.until(lambda: "threshold" in app.query(), "the threshold is not in the link")
    threshold = float(app.query()["threshold"])
    app.page.get_by_role("radio", name="KL", exact=True).focus()
    app.page.keyboard.press("ArrowRight")
    app.until(lambda: app.query().get("heat") == "sigma", "the quantity is not in the link")
    expected = with_threshold(run, diagnose(run), "last", threshold)
    app.page.route("**/diagnosis?*", full)
    app.page.reload()
    app.ready("diagnosis", "time")
    app.until(lambda: verdicts(app) == [expected.verdict.name], "the verdict does not follow the threshold")
    said = app.page.locator('[data-role="of"]').inner_text()
    assert said.endswith(f"Active: variance of the posterior mean above {threshold:g}.")
    assert app.page.locator(HEAT).get_attribute("data-quantity") == "sigma"
    errors = [
        f"± {one.standard_error:.2g}" for one in expected.verdict.evidence if one.standard_error is not None
    ]
    evidence = app.page.locator(".verdict .because dd").all_inner_texts()
    assert errors
    assert all(any(error in text for text in evidence) for error in errors)
    # Near the ceiling of I(x; z) what is left of the rate is a bound, wherever it is told.
    chart = app.page.locator('[data-chart="information"] .chart')
    assert f"Marginal KL ≤ {expected.information.marginal_kl:.2f}".replace("-", "−") in str(
        chart.get_attribute("aria-label")
    )
    assert "the marginal KL at most" in app.page.locator('[data-chart="information"]').inner_text()
    num = min(NUM_PROBES, run.info.num_validation)
    curves = str(app.page.locator('[data-chart="curves"]').text_content())
    assert f"N = {num} probe images" in curves
    assert f"log N = {math.log(num):.2f} nats" in curves
    app.page.get_by_text("Every dimension in numbers").click()
    assert "marginal KL ≤ " in app.page.locator('[data-chart="table"] caption').inner_text()
    rows = app.page.locator('[data-chart="table"] tbody tr').all_inner_texts()
    by_rate = sorted(range(expected.latent_dim), key=lambda dim: -expected.rate_per_dim[dim])
    for row, dim in zip(rows, by_rate, strict=True):
        numbers = row.replace("−", "-").split("\t")
        assert float(numbers[1]) == pytest.approx(expected.rate_per_dim[dim], abs=5e-4)
        assert float(numbers[2]) == pytest.approx(expected.sigma_per_dim[dim], abs=5e-4)
        assert numbers[5] == ("yes" if expected.active[dim] else "no")


@pytest.mark.thorough
def test_a_bad_question_is_told_and_a_good_one_answered(kept: App, watch: Watch, run: Run) -> None:
    app = watch(kept)
    value = app.page.locator('[data-testid="stMetricValue"]')
    app.open("collapse", run=run.id, tab="units", units="1,784,16,median,sum,nats,0")
    value.wait_for()
    (sentence,) = app.alerts()
    assert re.search(r"The link's units must be β, pixels, .*, got '1,784,16,median,sum,nats,0'", sentence)
    assert value.inner_text() == f"{effective_beta(1, 64, 2).effective_beta:.4g}"
    app.open("collapse", run=run.id, tab="units", units="1,784,16,mean,sum,nats,0")
    expected = effective_beta(1, 784, 16, reconstruction="mean over pixels")
    app.page.get_by_text(expected.sentence).wait_for()
    assert value.inner_text() == f"{expected.effective_beta:.4g}"
    assert app.alerts() == []
