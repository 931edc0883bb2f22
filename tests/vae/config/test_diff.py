from __future__ import annotations

from vae.config.diff import differences
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig

ONE = RunConfig()


def test_runs_of_the_same_settings_do_not_differ() -> None:
    assert differences([ONE, RunConfig()]) == differences([ONE]) == differences([]) == []


def test_every_option_that_differs_is_named_with_the_value_of_each_run_in_order() -> None:
    two = ONE.replace(objective=ObjectiveConfig(beta=4), train=TrainConfig(seed=3))
    three = ONE.replace(model=ModelConfig(hidden=(200, 200)))
    found = {difference.option: difference.values for difference in differences([ONE, two, three])}
    assert found == {
        "model.hidden": ((400,), (400,), (200, 200)),
        "objective.beta": (1.0, 4.0, 1.0),
        "train.seed": (0, 3, 0),
    }


def test_options_come_in_the_order_of_the_form_with_its_labels() -> None:
    two = ONE.replace(objective=ObjectiveConfig(beta=4), model=ModelConfig(latent_dim=7))
    assert [difference.label for difference in differences([ONE, two])] == ["Latent dimensions", "β"]


def test_a_watched_run_is_not_said_to_have_options_that_nobody_knows() -> None:
    watched = ONE.replace(model=ModelConfig(network="external", latent_dim=5), train=TrainConfig(epochs=3))
    other = ONE.replace(model=ModelConfig(hidden=(64,)))
    found = {difference.option: difference.values for difference in differences([other, watched])}
    assert found["model.network"] == ("mlp", "external")
    assert found["model.latent_dim"] == (ONE.model.latent_dim, 5)
    assert found["train.epochs"] == (ONE.train.epochs, 3)
    for option in ("model.hidden", "train.learning_rate", "train.seed"):
        assert found[option][1] is None, option
