"""Published set-ups: what they are, and how an answer puts the figure obtained beside the published one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from vae.config.base import ConfigError
from vae.config.checks import warnings
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.data.types import DataError
from vae.errors import UserError
from vae.experiments import published as module
from vae.experiments.published import REFERENCES, Reference, reproduce
from vae.runs.run import Run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Reference:
    """A set-up of one epoch on the digits, in place of those that take minutes."""
    reference = Reference(
        config=RunConfig(
            data=DataConfig(validation=0),
            model=ModelConfig(hidden=(8,)),
            train=TrainConfig(epochs=1, batch_size=128, device="cpu", num_snapshots=0),
        ),
        published={"neg_elbo": 35.0},
        tolerance=0.7,
        source="nowhere",
    )
    monkeypatch.setattr(module, "REFERENCES", {"quick": reference})
    return reference


def test_the_pytorch_example_is_the_published_set_up() -> None:
    reference = REFERENCES["pytorch-example"]
    config = reference.config
    assert (config.data.name, config.data.binarize, config.data.validation) == ("mnist", "none", 0)
    assert (config.model.network, config.model.hidden, config.model.latent_dim) == ("mlp", (400,), 20)
    assert (config.model.activation, config.model.likelihood) == ("relu", "bernoulli")
    assert (config.train.epochs, config.train.batch_size, config.train.learning_rate) == (10, 128, 1e-3)
    assert (config.objective.beta, config.objective.schedule) == (1, "constant")
    assert (reference.published, reference.tolerance) == ({"neg_elbo": 105.6}, 0.7)
    assert warnings(config) == []


def test_an_answer_has_both_figures_their_difference_and_what_they_are_of(quick: Reference) -> None:
    seen: list[float] = []
    answer = reproduce("quick", seed=3, progress=seen.append)
    obtained = answer["obtained"]
    assert obtained["neg_elbo"] == pytest.approx(
        obtained["distortion"] + obtained["rate"], abs=1e-5
    )  # summed in single precision
    assert answer["difference"] == {"neg_elbo": obtained["neg_elbo"] - 35.0}
    assert answer["published"] == {"neg_elbo": 35.0}
    assert answer["within_tolerance"] is (abs(obtained["neg_elbo"] - 35.0) <= 0.7)
    described = ("pixels", "likelihood", "unit", "split", "epochs", "published_epochs", "seed", "num_images")
    assert [answer[key] for key in described] == [
        "none",
        "bernoulli",
        "nats per example",
        "test",
        1,
        1,
        3,
        359,
    ]
    assert seen == sorted(seen) and seen[-1] == 1


@pytest.mark.parametrize("offset, is_within", [(0.69, True), (-0.69, True), (0.71, False), (-0.71, False)])
def test_the_tolerance_holds_on_both_sides(
    offset: float, is_within: bool, quick: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vae.evaluation import elbo

    figures = elbo.Evaluation(-35.0 - offset, 0.1, 30.0 + offset, 5.0, (5.0,), 359)
    monkeypatch.setattr(elbo, "evaluate", lambda *_, **__: figures)
    assert reproduce("quick")["within_tolerance"] is is_within


def test_one_seed_gives_one_answer_and_more_epochs_a_better_one(quick: Reference) -> None:
    first, again, longer = reproduce("quick"), reproduce("quick"), reproduce("quick", epochs=3)
    assert first["obtained"] == again["obtained"]
    assert longer["obtained"]["neg_elbo"] < first["obtained"]["neg_elbo"]
    assert (longer["epochs"], longer["published_epochs"]) == (3, 1)


def test_the_run_is_kept_where_asked_and_else_leaves_nothing(
    quick: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    reproduce("quick")
    assert list(scratch.iterdir()) == []
    reproduce("quick", run_dir=tmp_path / "kept", seed=5)
    kept = Run.open(tmp_path / "kept")
    assert kept.status().state == "finished"
    assert kept.config == quick.config.replace(train=quick.config.train.replace(seed=5))


def test_an_unknown_name_is_refused_by_a_sentence() -> None:
    with pytest.raises(UserError, match=r"^name must be one of pytorch-example, .*, got 'pytorch'; see "):
        reproduce("pytorch")


def test_no_epochs_are_refused_rather_than_taken_for_the_published_ones(quick: Reference) -> None:
    with pytest.raises(ConfigError, match=r"^epochs must be >= 1, got 0; "):
        reproduce("quick", epochs=0)


def test_missing_data_are_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"; .*vae data download mnist"):
        reproduce("pytorch-example", data_root=tmp_path, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_long_set_ups_are_the_published_ones_and_say_which_part_is_trained() -> None:
    reference = REFERENCES["iwae-1layer"]
    model, train = reference.config.model, reference.config.train
    assert (model.hidden, model.latent_dim, model.activation) == ((200, 200), 50, "tanh")
    assert (train.epochs, train.batch_size, train.learning_rate, train.adam_eps) == (3280, 20, 1e-3, 1e-4)
    assert (train.learning_rate_schedule, reference.config.data.binarize) == ("stages", "dynamic")
    assert (reference.stated, reference.samples) == (1 + 3 + 9 + 27 + 81 + 243, 5000)
    other = REFERENCES["cvae"]
    assert (other.config.model.conditional, other.config.model.learned_prior) == (True, True)
    assert (other.config.train, other.config.data) == (train, reference.config.data)
    assert warnings(reference.config) == warnings(other.config) == []


def test_a_kept_run_is_measured_again_without_training_and_log_p_is_above_the_elbo(
    quick: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"neg_elbo": 35.0, "neg_log_prob": 34.0, "active_units": 2}
    long = replace(quick, published=figures, samples=20)
    monkeypatch.setattr(module, "REFERENCES", {"quick": long})
    first = reproduce("quick", run_dir=tmp_path / "kept")
    assert first["samples"] == 20
    assert first["obtained"]["neg_log_prob"] < first["obtained"]["neg_elbo"]
    assert first["obtained"]["active_units"] in (0, 1, 2)
    trained = (tmp_path / "kept" / "metrics.jsonl").read_bytes()
    assert reproduce("quick", run_dir=tmp_path / "kept")["obtained"] == first["obtained"]
    assert (tmp_path / "kept" / "metrics.jsonl").read_bytes() == trained
    with pytest.raises(UserError, match="must have the settings of this reproduction"):
        reproduce("quick", run_dir=tmp_path / "kept", seed=1)


def test_a_kept_run_is_found_again_whatever_folder_its_images_are_in(
    quick: Reference, tmp_path: Path
) -> None:
    first = reproduce("quick", run_dir=tmp_path / "kept")
    again = reproduce("quick", run_dir=tmp_path / "kept", data_root=tmp_path / "images")
    assert again["obtained"] == first["obtained"]
