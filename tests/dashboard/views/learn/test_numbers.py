"""Every number that a chapter shows is one that `vae` computes for that run and image, and none is left out.

All that a chapter writes is read: the terms of its formulas, its words and captions, the titles, legends, labels and
captions of its charts. Each number there must be one of those that the library's functions give, to 1e-4 of itself;
and each of those must be there. The pipeline's numbers are made in the browser (`tests/browser/test_learn.py`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dashboard.cache import lru, test_images
from dashboard.jobs.queue import background
from tests.browser.server import wait_until
from tests.support.pages_without_browser import page, sentences
from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import Dataset, load_dataset
from vae.evaluation.exact_posterior import exact_posterior
from vae.evaluation.importance import log_weights
from vae.latent.aggregate_posterior import prior_gap
from vae.latent.embedding import embed
from vae.models.vae import VAE
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runtime.seeding import generator
from vae.theory import without_kl
from vae.theory.closed_form_kl import kl_terms
from vae.theory.conditional import class_posterior, left_out
from vae.theory.elbo_forms import NUM_SAMPLES, elbo_forms
from vae.theory.gradients import gradient_estimates
from vae.theory.identity import SIZES, climb
from vae.theory.jensen import jensen
from vae.theory.likelihood_costs import likelihood_costs
from vae.theory.marginal import prior_sampling
from vae.theory.one_pass import one_pass
from vae.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_core")

ROW = 5
SHORT = TrainConfig(epochs=2, batch_size=128, device="cpu", num_snapshots=0, learning_rate=3e-3)
SMALL = ModelConfig(hidden=(16,))
#: Kinds of runs, each another shape of what a chapter shows.
KINDS: dict[str, RunConfig] = {
    "flat": RunConfig(model=SMALL, train=SHORT),
    "one dimension": RunConfig(model=SMALL.replace(latent_dim=1), train=SHORT),
    "twenty dimensions": RunConfig(model=SMALL.replace(latent_dim=20), train=SHORT),
    "conditional": RunConfig(model=SMALL.replace(conditional=True), train=SHORT),
    "learned prior": RunConfig(model=SMALL.replace(conditional=True, learned_prior=True), train=SHORT),
    "gaussian": RunConfig(model=SMALL.replace(likelihood="gaussian", sigma=0.3), train=SHORT),
    "learned noise": RunConfig(model=SMALL.replace(likelihood="gaussian-learned"), train=SHORT),
    "continuous": RunConfig(model=SMALL.replace(likelihood="continuous-bernoulli"), train=SHORT),
    "beta of four": RunConfig(model=SMALL, objective=ObjectiveConfig(beta=4), train=SHORT),
    "collapsed": RunConfig(model=SMALL, objective=ObjectiveConfig(beta=100), train=SHORT),
    "autoregressive": RunConfig(model=SMALL.replace(decoder="autoregressive"), train=SHORT),
    "thresholded": RunConfig(data=DataConfig(binarize="threshold"), model=SMALL, train=SHORT),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Runs of these kinds, each trained once."""
    folder, runs = tmp_path_factory.mktemp("kinds"), dict[str, Run]()

    def make(kind: str) -> Run:
        if kind not in runs:
            dataset = load_dataset(KINDS[kind].data)
            runs[kind] = Run.create(folder / kind.replace(" ", "-"), KINDS[kind], dataset.info())
            for _ in Trainer(runs[kind], dataset).train():
                pass
        return runs[kind]

    return make


@pytest.fixture
def run(empty_runs: Path, made: Callable[[str], Run], kind: str) -> Run:
    import shutil

    lru.clear()
    shutil.copytree(made(kind).path, empty_runs / "one")
    return Run.open(empty_runs / "one")


# What is shown -------------------------------------------------------------------------------------------------------

_NUMBER = r"[-−]?\d[\d,]*(?:\.\d+)?"
_POWER = re.compile(rf"({_NUMBER})(?:\\cdot 10\^\{{(-?\d+)\}}|e([-−]?\d+))?")


def numbers(text: str) -> list[float]:
    found = []
    for match in _POWER.finditer(text):
        mantissa = match[1].replace(",", "").replace("−", "-")
        power = int((match[2] or match[3] or "0").replace("−", "-"))
        found.append(float(mantissa) * 10.0**power)
    return found


def of_formula(text: str) -> list[float]:
    """What stands below terms, and behind the last sign of equality."""
    found, text = [], text.strip("$ \n")
    for below in re.findall(r"_\{\\displaystyle (.*?)\}(?= |$|\\|\)|=|<|\+|-|,)", text):
        found += numbers(below)
    end = re.search(rf"= ({_NUMBER}(?:\\cdot 10\^\{{-?\d+\}})?)$", text)
    return found + (numbers(end[1]) if end else [])


def texts(value: Any) -> Iterator[str]:
    """Titles, legends, labels and captions of a chart."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name in ("title", "x", "y", "note", "name", "captions", "text", "hovertext"):
                one = [one] if isinstance(one, str) else one
                yield from (text for text in one or [] if isinstance(text, str) and not text.startswith("@"))
            elif name in ("panels", "traces"):
                yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def charts(at: Any) -> list[Any]:
    return [
        json.loads(node.proto.json)
        for node in at.get("bidi_component")
        if node.proto.component_name.endswith("latent_lab_figure")
    ]


def shown(at: Any) -> list[float]:
    """All numbers that a chapter writes, without small whole ones, which count or stand in a formula."""
    found = [value for one in at.latex for value in of_formula(one.value)]
    for words in (*at.main.markdown, *at.main.caption):
        text = re.sub(r"log-weights|\\[a-z]+\d?|\^\{?\d\}?|_\d", " ", words.value)
        if "class=" not in text and not re.match("Lines? ", text):
            found += numbers(text)
    drawn = charts(at)
    for one in drawn:
        found += [value for text in texts(one) for value in numbers(re.sub(r"z[₁₂\d]+|[₀-₉]+", " ", text))]
    return [value for value in found if not (value.is_integer() and 0 <= abs(value) <= 10)]


# What the library says -----------------------------------------------------------------------------------------------


class Subject:
    """One image of a run, and all that the library computes of it."""

    def __init__(self, run: Run) -> None:
        self.run, self.model = run, load_model(run, "best")
        self.dataset: Dataset = load_dataset(run.config.data)
        images, labels = self.dataset.part("test")
        self.x: Tensor = self.dataset.pixels(images[ROW : ROW + 1])
        self.y = labels[ROW : ROW + 1] if labels is not None and run.config.model.conditional else None

    @property
    def args(self) -> tuple[VAE, Tensor, Tensor | None]:
        return self.model, self.x, self.y


def of_model(one: Subject) -> list[float]:
    found = prior_sampling(*one.args)
    spread = math.sqrt(found.relative_variance / 100)
    rows = test_images.first_of_each(one.run, 10)
    rows = rows if ROW in rows else [ROW, *rows[:9]]
    images, labels = test_images.pixels(one.run, rows)
    y = labels if one.model.num_conditions else None
    weights = log_weights(one.model, images, y, 500, generator(0, "importance"))
    total = float((weights.logsumexp(1) - math.log(500)).sum())
    return [total, found.log_prob, found.middle(100), spread, 100 * spread, 100, 16]


def of_posterior(one: Subject) -> list[float]:
    found = jensen(*one.args, k=32)
    return [found.log_of_mean, found.mean_of_logs, found.gap, 32]


def of_elbo(one: Subject) -> list[float]:
    found = elbo_forms(*one.args)
    beta = min(10.0, one.run.config.objective.beta)
    loss = found.distortion + beta * found.rate
    terms = [found.elbo, found.log_likelihood.mean, -found.rate, found.log_prior, found.entropy]
    costs = [found.distortion, beta * found.rate, loss]
    return [*terms, *costs, found.log_likelihood.standard_error, NUM_SAMPLES]


def of_identity(one: Subject) -> list[float]:
    if one.run.config.model.latent_dim > 2:
        rise = climb(*one.args)
        return [rise.elbo, rise.bound[-1], rise.gap_at_least, one.run.config.model.latent_dim]
    found = exact_posterior(*one.args)
    return [found.log_prob, found.elbo, found.gap]


def of_kl(one: Subject) -> list[float]:
    found = one_pass(*one.args)
    terms = kl_terms(found.mean, found.log_var)
    order = terms.kl.sort(descending=True, stable=True).indices
    first = int(order[0])
    sigma = (0.5 * terms.log_var).exp()
    written = [
        float(value)
        for value in (
            terms.log_var[first].exp(),
            terms.mean[first] ** 2,
            terms.log_var[first],
            terms.kl[first],
            terms.kl.sum(),
            terms.mean[first],
            sigma[first] - 1 / sigma[first],
        )
    ]
    bars = [float(of[dim]) for dim in order[:16].tolist() for of in (terms.kl, terms.mean, sigma)]
    return [*written, *bars, one.run.config.model.latent_dim]


def of_reparameterisation(one: Subject) -> list[float]:
    found = gradient_estimates(*one.args)
    passed = one_pass(*one.args)
    first = int(passed.rate_per_dim.sort(descending=True, stable=True).indices[0])
    means = [found.mean(name, first) for name in ("reparameterised", "score", "with_baseline")]
    ratios = [found.variance_ratio(first), found.variance_ratio(first, "with_baseline")]
    return [*(value for one in means for value in (one.mean, one.standard_error)), *ratios, 10_000]


def of_likelihoods(one: Subject) -> list[float]:
    found = likelihood_costs(*one.args)
    at = likelihood_costs(*one.args, sigmas=(0.1,))
    constant = found.num_pixels * (math.log(0.1) + 0.5 * math.log(2 * math.pi))
    pixel = float(one.x.flatten()[int((one.x - 0.6).abs().argmin())])
    costs = [found.bernoulli, found.continuous_bernoulli - found.bernoulli, found.continuous_bernoulli]
    gaussian = [found.squared_error / 0.02, constant, at.gaussian[0], found.best_sigma, 0.1, 0.02]
    return [*costs, *gaussian, pixel, found.num_pixels]


def of_conditional(one: Subject) -> list[float]:
    assert one.y is not None
    classes = class_posterior(one.model, one.x)
    ways = left_out(one.model, one.x, one.y)
    both, decoder_alone, encoder_alone, _ = ways
    terms = [both.elbo, -both.distortion.mean, -both.rate, encoder_alone.distortion.mean]
    terms += [-decoder_alone.elbo, -both.elbo, classes.probability[int(one.y)]]
    captions = [value for way in ways for value in (way.distortion.mean, way.rate)]
    return [*terms, *captions, *(100 * share for share in classes.probability if share > 0.005)]


EXPECTED: dict[str, Callable[[Subject], list[float]]] = {
    "model": of_model,
    "posterior": of_posterior,
    "elbo": of_elbo,
    "identity": of_identity,
    "kl": of_kl,
    "reparameterisation": of_reparameterisation,
    "likelihoods": of_likelihoods,
    "conditional": of_conditional,
}
#: Numbers that are no result: of about, of a part of a text.
LOOSE: dict[str, Callable[[float, list[float]], bool]] = {
    # "about 230 times": the ratio with two digits.
    "reparameterisation": lambda value, known: any(
        abs(value - one) <= 0.06 * one for one in known if one > 0
    ),
    # By how much both sides differ.
    "identity": lambda value, known: 0 <= value < 1e-2,
}


def same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=2e-6)


def check(chapter: str, found: list[float], known: list[float]) -> None:
    loose = LOOSE.get(chapter)
    strange = [
        value
        for value in found
        if not any(same(value, one) for one in known) and not (loose and loose(value, known))
    ]
    missing = [
        one
        for one in known
        if not any(same(value, one) for value in found) and not (float(one).is_integer() and abs(one) <= 10)
    ]
    said = f"{chapter} shows {strange}, which the library does not give, or leaves out {missing}"
    assert not strange and not missing, said


def pairs() -> list[tuple[str, str]]:
    all_chapters = [("flat", chapter) for chapter in EXPECTED if chapter != "conditional"]
    told = [
        (kind, chapter)
        for kind in ("conditional", "learned prior")
        for chapter in ("conditional", "elbo", "model")
    ]
    others = [
        *(("one dimension", chapter) for chapter in ("model", "identity", "kl", "reparameterisation")),
        *(("twenty dimensions", chapter) for chapter in ("model", "identity", "kl")),
        *((kind, "likelihoods") for kind in ("gaussian", "learned noise", "continuous", "thresholded")),
        *(
            (kind, "elbo")
            for kind in ("gaussian", "learned noise", "beta of four", "autoregressive", "collapsed")
        ),
        *(("collapsed", chapter) for chapter in ("posterior", "kl", "reparameterisation", "identity")),
        ("autoregressive", "likelihoods"),
    ]
    return [*all_chapters, *told, *others]


@pytest.mark.parametrize(("kind", "chapter"), pairs())
def test_every_number_of_a_chapter_is_the_library_s(run: Run, kind: str, chapter: str) -> None:
    at = page("learn", run="one", chapter=chapter, image=str(ROW))
    assert sentences(at) == []
    check(chapter, shown(at), EXPECTED[chapter](Subject(run)))


@pytest.mark.parametrize("kind", ["flat"])
def test_the_numbers_of_the_trainings_are_the_library_s(
    run: Run, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(without_kl, "EPOCHS", 4)
    monkeypatch.setattr(without_kl, "compared", partial(without_kl.compared, epochs=4))
    at = page("learn", run="one", chapter="why-kl")
    wait_until(lambda: background.open("without-kl") == [], "it still trains", 60)
    at = at.run()
    found = without_kl.compared(seed=0)
    known = [4.0]
    for space in (found.without, found.with_kl):
        known += [space.gap.prior_to_aggregate.mean, space.test.distortion, space.test.rate]
    one = Subject(run)
    known.append(prior_gap(embed(one.model, one.dataset)).prior_to_aggregate.mean)
    check("why-kl", shown(at), known)


@pytest.mark.parametrize("kind", ["twenty dimensions"])
def test_points_of_a_chart_are_the_library_s_too(run: Run, kind: str) -> None:
    one = Subject(run)
    at = page("learn", run="one", chapter="identity", image=str(ROW))
    line = charts(at)[0]["panels"][0]["traces"][0]
    assert line["x"] == list(SIZES)
    assert line["y"] == pytest.approx(list(climb(*one.args).bound), rel=1e-6)
    at = page("learn", run="one", chapter="posterior", image=str(ROW))
    dots = charts(at)[0]["panels"][0]["traces"][1]
    assert dots["x"] == pytest.approx(jensen(*one.args, k=32).relative.tolist(), rel=1e-6)
    at = page("learn", run="one", chapter="kl", image=str(ROW))
    passed = one_pass(*one.args)
    assert sorted(charts(at)[0]["panels"][0]["traces"][0]["y"]) == pytest.approx(
        sorted(passed.rate_per_dim.tolist())[4:], rel=1e-5, abs=1e-9
    )
    begun = next(
        json.loads(n.proto.json) for n in at.get("bidi_component") if n.proto.component_name.endswith("_kl")
    )
    first = int(passed.rate_per_dim.argmax())
    assert (begun["mean"], begun["sigma"]) == pytest.approx(
        (float(passed.mean[first]), float(passed.sigma[first]))
    )


def test_a_wrong_number_is_found() -> None:
    with pytest.raises(AssertionError, match="does not give"):
        check("elbo", [1.0002, 2.5], [2.5])
    with pytest.raises(AssertionError, match="does not give"):
        check("elbo", [2.5], [2.5, 3.25])
    assert of_formula(
        r"\underbrace{\mathrm{KL}}_{\displaystyle -2.5\cdot 10^{-5}} + \underbrace{a}_{\displaystyle 3} = 7.25"
    ) == [
        -2.5e-5,
        3.0,
        7.25,
    ]
    assert torch.tensor(numbers("−1,234.5 and 2e−5")).tolist() == pytest.approx([-1234.5, 2e-5])
