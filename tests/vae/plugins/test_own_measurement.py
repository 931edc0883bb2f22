"""A measurement from outside the package: in the diagnosis, in the JSON of the command, and on the page Collapse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tests.support import plugin_runs
from vae.config.registries import MEASUREMENTS
from vae.data.dataset import Dataset
from vae.diagnostics.diagnose import diagnose
from vae.diagnostics.measurements import Examined
from vae.errors import UserError
from vae.runs.run import Run
from vae.runs.snapshots import load_model


def signal_to_noise(examined: Examined) -> Tensor:
    """Variance of the posterior mean over the mean posterior variance, dimension by dimension."""
    return examined.mean.var(0) / examined.log_var.exp().mean(0)


def num_labels(examined: Examined) -> int:
    assert examined.labels is not None
    return len(set(examined.labels.tolist()))


def response(examined: Examined) -> float:
    """How much the decoded images differ between posterior samples: it draws, and asks the decoder."""
    again = examined.model.sample(examined.mean, examined.log_var)
    return float((examined.model.decode(again[:20]) - examined.model.decode(examined.z[:20])).abs().mean())


def broken(examined: Examined) -> float:
    return 1 / 0


def too_many(examined: Examined) -> Tensor:
    return torch.zeros(7)


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with (
        plugin_runs.registered(MEASUREMENTS, "signal-to-noise", signal_to_noise, title="Signal to noise"),
        plugin_runs.registered(MEASUREMENTS, "response", response, title="Response", unit="grey levels"),
        plugin_runs.registered(MEASUREMENTS, "broken", broken, title="Broken"),
        plugin_runs.registered(MEASUREMENTS, "too-many", too_many, title="Too many"),
    ):
        yield


def test_a_number_for_each_dimension_or_one_alone_or_the_reason_for_none(
    trained_run: Run, digits: Dataset
) -> None:
    model = load_model(trained_run, "last")
    found = {measured.name: measured for measured in diagnose(model, digits, num_images=100).measurements}
    assert list(found) == ["signal-to-noise", "response", "broken", "too-many"]
    assert len(found["signal-to-noise"].per_dim) == 2
    assert found["signal-to-noise"].value == pytest.approx(sum(found["signal-to-noise"].per_dim) / 2)
    assert found["response"].value and not found["response"].per_dim
    assert found["broken"].value is None and "division by zero" in found["broken"].why
    assert "must give one number, or one for each of 2 dimensions, got 7" in found["too-many"].why


def test_one_seed_is_one_number_and_the_process_keeps_its_random_state(
    trained_run: Run, digits: Dataset
) -> None:
    model, state = load_model(trained_run, "last"), torch.get_rng_state()
    first, second = (diagnose(model, digits, num_images=50).measurements for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)


def test_it_is_in_the_answer_of_the_command(trained_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    found = plugin_runs.answers(trained_run, capsys, "--diagnose")["diagnosis"]["measurements"]
    assert [one["title"] for one in found] == ["Signal to noise", "Response", "Broken", "Too many"]
    assert len(found[0]["per_dim"]) == 2 and found[1]["unit"] == "grey levels"


def test_the_page_collapse_shows_it(trained_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    at = plugin_runs.page("collapse", trained_run, monkeypatch)
    titles = [metric.label.replace("\\", "") for metric in at.metric]
    assert titles[:2] == ["Signal to noise", "Response, grey levels"]
    captions = [caption.value.replace("\\", "").replace("\N{WORD JOINER}", "") for caption in at.caption]
    assert any("Broken: not measured" in caption for caption in captions), captions
    assert list(at.dataframe[0].value["Dimension"]) == ["z1", "z2"]


def test_without_any_the_diagnosis_says_nothing_of_them(trained_run: Run, digits: Dataset) -> None:
    for name in MEASUREMENTS.names:
        MEASUREMENTS.remove(name)
    try:
        assert "measurements" not in diagnose(load_model(trained_run), digits, num_images=50).to_dict()
    finally:
        for name, function in (
            ("signal-to-noise", signal_to_noise),
            ("response", response),
            ("broken", broken),
            ("too-many", too_many),
        ):
            MEASUREMENTS.register(name, title=name)(function)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(UserError, match="must be a function"):
        MEASUREMENTS.register("seven", title="Seven")(7)
