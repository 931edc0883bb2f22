"""Whatever the library hands out draws itself in a notebook: public classes, and what public functions return."""

from __future__ import annotations

import copy
import inspect
import math
import re
import typing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import vae
from tests.vae.runtime.test_html import HOSTILE, PLAIN, Tags
from vae.data.dataset import Dataset
from vae.data.types import Images
from vae.evaluation.exact_posterior import exact_posteriors
from vae.evaluation.true_posterior import ExactPosteriors
from vae.experiments.sweep import Outcome
from vae.models.likelihoods import Likelihood
from vae.models.priors import Prior
from vae.runs.listing import BrokenRun
from vae.runs.run import Run
from vae.runtime import html
from vae.training.run_log import Report
from vae.watching.watcher import Watcher


def is_result(found: type) -> bool:
    """Whether somebody may have one at the end of a cell: no error, no part of a model, no base for one's own."""
    return not (inspect.isabstract(found) or issubclass(found, Exception | Likelihood | Prior))


def named(hint: Any) -> Iterator[type]:
    """The classes of ours in a type."""
    if inspect.isclass(hint) and hint.__module__.startswith("vae."):
        yield hint
    for part in typing.get_args(hint):
        yield from named(part)


def results() -> set[type]:
    """All classes that the public names give."""
    from vae.notebook.widget import Explorer

    found: set[type] = set()
    for name in vae.__all__:
        public = getattr(vae, name)
        if inspect.isclass(public):
            found |= {public} if is_result(public) else set()
            methods = [
                value for key, value in vars(public).items() if inspect.isfunction(value) and key[0] != "_"
            ]
        else:
            methods = [public]
        for function in methods:
            function = inspect.unwrap(function)
            returned = {"found": function.__annotations__.get("return")}
            hints = typing.get_type_hints(
                type("Returned", (), {"__annotations__": returned}),
                function.__globals__,
                {"Explorer": Explorer},
            )
            found |= {one for one in named(hints["found"]) if is_result(one)}
    return found


def make_all(run: Run, digits: Dataset, folder: Path) -> list[object]:
    """One of each, of classes whose names are hostile."""
    hostile = replace(digits, class_names=tuple(f"{HOSTILE[:60]}{k}" for k in range(10)))
    info, model = hostile.info(), vae.load_model(run)
    config = run.config.replace(
        model=run.config.model.replace(latent_dim=2, conditional=True),
        train=run.config.train.replace(epochs=1),
    )
    other = Run.create(folder / "other", config, info, name="<img src=x>'&</table><script>")
    x = torch.rand(
        3, 1, digits.images.shape[2], digits.images.shape[3], generator=torch.Generator().manual_seed(0)
    )
    small = vae.VAE(config.model.replace(conditional=False), info)
    other_small = copy.deepcopy(small)
    terms = small.terms(x, None)
    diagnosis = vae.diagnose(model, digits)
    return [
        hostile, info, info.reading, other, other.status(), other.control(), config, config.data, config.model,
        config.objective, config.train, vae.VAE(config.model, info), vae.Learner(config, info, hostile),
        vae.Trainer(other, hostile), terms, terms.mean(), vae.embed(model, digits), vae.evaluate(model, digits),
        diagnosis, diagnosis.verdict, vae.importance_bound(model, digits, k=2, num_images=3),
        exact_posteriors(small, digits, num_images=2), vae.exact_posterior(small.double(), x[:1].double()),
        Outcome("r", 1.0, 0, "failed", HOSTILE), BrokenRun(folder, HOSTILE, HOSTILE),
        Report("event", {"event": HOSTILE}), other_small.at_mean(x), other_small(x),
        other_small.posterior_batch(x), Images(hostile.images, hostile.labels, hostile.class_names),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def drawn(trained_run: Run, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[type, str]:
    folder = tmp_path_factory.mktemp("cards")
    return {type(one): one._repr_html_() for one in make_all(trained_run, digits, folder)}  # type: ignore[attr-defined]


def test_all_that_the_public_names_give_draws_itself(drawn: dict[type, str]) -> None:
    found = results()
    assert {vae.Run, vae.VAE, Outcome, BrokenRun, Watcher} <= found
    lacking = {
        one.__name__
        for one in found
        if not hasattr(one, "_repr_html_") and not hasattr(one, "_repr_mimebundle_")
    }
    assert lacking == set()
    # The widget is drawn elsewhere, and a watcher by the test below.
    assert {one.__name__ for one in found - set(drawn)} <= {"Explorer", "Watcher"}


def test_a_hostile_name_is_text_in_every_card(drawn: dict[type, str]) -> None:
    assert ExactPosteriors in drawn
    for one, text in drawn.items():
        found = Tags(text)
        assert found.seen <= PLAIN, one
        assert found.words.strip(), one
        assert not {"\x1b", "\u202e"} & set(text), one
    assert "<img src=x" in Tags(drawn[Dataset]).words and "<img src=x" in Tags(drawn[vae.VAE]).words


def test_a_watcher_draws_itself(digits: Dataset, tmp_path: Path) -> None:
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
    decoder = torch.nn.Sequential(torch.nn.Linear(2, 64))
    with vae.watch(
        tmp_path / "w", encoder=encoder, decoder=decoder, data=digits.images[:60].float() / 16
    ) as watcher:
        words = Tags(watcher._repr_html_()).words
    assert "Watching w" in words and "epoch" in words


def luminance(colour: tuple[float, float, float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


#: Text and ground of JupyterLab, VS Code, Colab and marimo, light and dark, 0 to 1.
THEMES = {
    "JupyterLab light": (0.13, 1.0), "JupyterLab dark": (0.88, 0.07), "VS Code light": (0.2, 1.0),
    "VS Code dark": (0.8, 0.12), "Colab dark": (0.83, 0.22), "marimo dark": (0.93, 0.09),
}  # fmt: skip


@pytest.mark.parametrize("theme", THEMES)
def test_a_card_takes_the_colours_of_its_page_and_can_be_read_on_it(
    theme: str, drawn: dict[type, str]
) -> None:
    text, ground = THEMES[theme]
    for card in drawn.values():
        styles = ";".join(re.findall(r'style="([^"]*)"', card))
        colours = re.findall(r"(?:^|;)\s*(?:color|background(?:-color)?)\s*:\s*([^;]+)", styles)
        assert set(colours) <= {"none"}  # no colour of its own
        for opacity in map(float, re.findall(r"opacity\s*:\s*([\d.]+)", styles)):
            seen = ground + (text - ground) * opacity
            a, b = sorted(luminance((value,) * 3) for value in (seen, ground))
            assert (b + 0.05) / (a + 0.05) >= 4.5


def test_a_mean_of_one_image_has_an_unknown_error() -> None:
    assert html.nats(-91.234, math.nan) == "-91.23 ± ? nats per example"
    assert html.nats(1.0) == "1.00 nats per example"
