"""The exported script: short, alone with torch, and its first losses are those of the run."""

from __future__ import annotations

import ast
import random
import runpy
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.mnist_files import put, tiny
from tests.support.short_runs import SMALL, TRAIN, create, train, wishing
from vae.config.schema import DataConfig, ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.errors import UserError
from vae.training.optimisation import Learner
from vae.training.script_file import write_script
from vae.training.training_script import needs_images_file, script_parts, training_script

MLP = ModelConfig(hidden=(32, 16), latent_dim=3)
CONV = ModelConfig(network="conv", channels=(4, 8), hidden=(16,), latent_dim=3)
SHORT = TrainConfig(epochs=40, batch_size=64, seed=3, device="cpu")

#: One configuration for each piece of code that the script may have.
CONFIGS: dict[str, RunConfig] = {
    "as the form has it": RunConfig(train=TrainConfig(device="cpu")),
    "conditional": RunConfig(model=MLP.replace(conditional=True), train=SHORT),
    "no hidden layer": RunConfig(model=MLP.replace(hidden=()), train=SHORT),
    "conv": RunConfig(model=CONV, train=SHORT),
    "conditional conv, silu": RunConfig(model=CONV.replace(conditional=True, activation="silu"), train=SHORT),
    "learned prior": RunConfig(model=MLP.replace(conditional=True, learned_prior=True), train=SHORT),
    "bf16": RunConfig(model=MLP, train=SHORT.replace(precision="bf16")),
    "conv, bf16": RunConfig(model=CONV, train=SHORT.replace(precision="bf16")),
    "conditional conv, silu, bf16": RunConfig(
        model=CONV.replace(conditional=True, activation="silu"), train=SHORT.replace(precision="bf16")
    ),
    "autoregressive": RunConfig(model=MLP.replace(decoder="autoregressive"), train=SHORT),
    "autoregressive conv": RunConfig(
        model=CONV.replace(decoder="autoregressive", conditional=True, activation="tanh"), train=SHORT
    ),
    "Gaussian": RunConfig(model=MLP.replace(likelihood="gaussian", sigma=0.3), train=SHORT),
    "learned sigma": RunConfig(model=MLP.replace(likelihood="gaussian-learned"), train=SHORT),
    "continuous Bernoulli": RunConfig(model=MLP.replace(likelihood="continuous-bernoulli"), train=SHORT),
    "linear warm-up, free bits": RunConfig(
        model=MLP, objective=ObjectiveConfig(schedule="linear", warmup_epochs=5, free_bits=0.2), train=SHORT
    ),
    "sigmoid warm-up, free bits in total": RunConfig(
        model=MLP,
        objective=ObjectiveConfig(
            beta=2, schedule="sigmoid", warmup_epochs=7.5, free_bits=1, free_bits_per="total"
        ),
        train=SHORT,
    ),
    "cycles": RunConfig(
        model=MLP, objective=ObjectiveConfig(schedule="cyclical", cycle_epochs=3), train=SHORT
    ),
    "capacity": RunConfig(
        model=MLP, objective=ObjectiveConfig(beta=5, capacity=4, capacity_epochs=6), train=SHORT
    ),
    "stages": RunConfig(model=MLP, train=SHORT.replace(learning_rate_schedule="stages")),
    "cosine": RunConfig(model=MLP, train=SHORT.replace(learning_rate_schedule="cosine")),
    "extra encoder steps": RunConfig(
        model=MLP.replace(conditional=True), train=SHORT.replace(encoder_steps=2, encoder_steps_epochs=3.5)
    ),
    "extra encoder steps throughout": RunConfig(model=MLP, train=SHORT.replace(encoder_steps=1)),
    "threshold": RunConfig(data=DataConfig(binarize="threshold", threshold=0.4), model=MLP, train=SHORT),
    "dynamic": RunConfig(data=DataConfig(binarize="dynamic", validation=0), model=MLP, train=SHORT),
    "static": RunConfig(data=DataConfig(binarize="static", split_seed=5), model=MLP, train=SHORT),
}


def losses_of_the_run(config: RunConfig, num: int = 100) -> list[tuple[float, float, float]]:
    """Loss, distortion and rate of the first steps, as the trainer's own learner takes them."""
    from vae.objectives.schedules import learning_rate_at
    from vae.training.adam import set_learning_rate

    dataset = load_dataset(config.data)
    learner = Learner(config, dataset.info(), dataset)
    found: list[tuple[float, float, float]] = []
    while len(found) < num:
        set_learning_rate(learner.optimizer, learning_rate_at(config.train, learner.position.epochs))
        for images, labels in learner.batches():
            penalty = learner.penalty
            terms = learner.step(dataset.pixels(images, learner.noise), labels)
            rate = terms.rate_per_dim.sum()
            found.append((terms.loss(penalty).item(), terms.distortion.item(), rate.item()))
            if learner.position.advance():
                learner.order_at_epoch_start = learner.order.get_state()
    return found[:num]


def losses_of_the_script(path: Path, num: int = 100) -> list[tuple[float, float, float]]:
    with torch.random.fork_rng():
        script: dict[str, Any] = runpy.run_path(str(path))
        return list(islice(script["train"](), num))


def written(folder: Path, config: RunConfig) -> Path:
    run, _ = create(folder / "run", config)
    script, *others = write_script(run, folder / "script.py").files
    assert len(others) == needs_images_file(config)
    return script


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_the_first_hundred_losses_are_those_of_the_run(
    tmp_path: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = written(tmp_path, config)
    monkeypatch.chdir(tmp_path)
    ours, theirs = losses_of_the_run(config), losses_of_the_script(script)
    np.testing.assert_allclose(np.array(theirs), np.array(ours), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_script_is_short_and_imports_torch_alone(config: RunConfig) -> None:
    text = training_script(config, load_dataset(config.data).info())
    lines = text.splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 120
    tree = ast.parse(text)
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert modules <= {"torch", "torchvision", "sklearn"}
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert {"Encoder", "Decoder", "log_likelihood", "beta_at", "loss_of", "train"} <= names


def test_the_longest_script_that_settings_can_make_is_short() -> None:
    config = RunConfig(
        data=DataConfig(binarize="dynamic"),
        model=ModelConfig(
            network="conv",
            channels=(2, 2, 2),
            hidden=(8, 8, 8, 8),
            conditional=True,
            learned_prior=True,
            decoder="autoregressive",
        ),
        objective=ObjectiveConfig(schedule="sigmoid", free_bits=1),
        train=SHORT.replace(
            encoder_steps=1, encoder_steps_epochs=1, learning_rate_schedule="stages", precision="bf16"
        ),
    )
    assert len(training_script(config, load_dataset(config.data).info()).splitlines()) <= 150


def any_settings(seed: int) -> RunConfig:
    """Settings drawn from all that the form offers, whatever goes together."""
    draw = random.Random(seed)
    conditional = draw.random() < 0.5
    free_bits = draw.choice([0.0, 0.0, 0.3])
    likelihood = draw.choice(["bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned"])
    chance = draw.choice(["constant", "linear", "sigmoid", "cyclical"])
    return RunConfig(
        data=DataConfig(
            binarize=draw.choice(["none", "threshold", "static", "dynamic"]),
            threshold=draw.choice([0.3, 0.5, 1.0]),
            validation=draw.choice([0, 0.1, 0.5]),
            test=draw.choice([0.1, 0.5]),
            split_seed=draw.randrange(3),
        ),
        model=ModelConfig(
            network=draw.choice(["mlp", "conv"]),
            decoder="autoregressive" if likelihood == "bernoulli" and draw.random() < 0.4 else "independent",
            hidden=draw.choice([(), (9,), (16, 8, 5)]),
            channels=draw.choice([(3,), (4, 6), (2, 3, 4)]),
            activation=draw.choice(["relu", "tanh", "silu"]),
            latent_dim=draw.choice([1, 2, 7, 40]),
            conditional=conditional,
            learned_prior=conditional and draw.random() < 0.5,
            likelihood=likelihood,
            sigma=draw.choice([0.001, 0.2, 1.5])
            if likelihood == "gaussian-learned"
            else draw.choice([0.2, 1.5]),
        ),
        objective=ObjectiveConfig(
            beta=draw.choice([0, 0.3, 1, 20]),
            schedule=chance,
            warmup_epochs=draw.choice([0.5, 3]),
            cycle_epochs=draw.choice([0.7, 2]),
            free_bits=free_bits,
            free_bits_per=draw.choice(["dimension", "total"]),
            capacity=0 if free_bits else draw.choice([0, 5]),
            capacity_epochs=draw.choice([0.5, 4]),
        ),
        train=TrainConfig(
            epochs=30,
            batch_size=draw.choice([50, 333, 5000]),
            learning_rate=draw.choice([1e-4, 2e-3]),
            learning_rate_schedule=draw.choice(["constant", "stages", "cosine"]),
            adam_eps=draw.choice([1e-8, 1e-4]),
            encoder_steps=draw.choice([0, 0, 2]),
            encoder_steps_epochs=draw.choice([0, 0.5]),
            seed=draw.choice([0, 2**31 - 1]),
            device="cpu",
            precision=draw.choice(["float32", "float32", "bf16"]),
        ),
    )


@pytest.mark.parametrize("seed", range(12))
def test_settings_in_any_combination_give_the_losses_of_the_run(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = any_settings(seed)
    script = written(tmp_path, config)
    assert len(script.read_text().splitlines()) <= 150
    monkeypatch.chdir(tmp_path)
    ours, theirs = losses_of_the_run(config, 15), losses_of_the_script(script, 15)
    np.testing.assert_allclose(np.array(theirs), np.array(ours), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("section", "option"),
    [("model", "network"), ("model", "likelihood"), ("model", "prior"), ("objective", "name")],
)
def test_what_somebody_registered_cannot_be_written_out_and_it_is_said_in_a_sentence(
    section: str, option: str
) -> None:
    config = RunConfig()
    part = getattr(config, section)
    mine = type(part).model_construct(**{**dict(part), option: "mine"})
    config = RunConfig.model_construct(**{**dict(config), section: mine})
    with pytest.raises(
        UserError, match=rf"{section}\.{option} must be one of .* got 'mine'; its code is yours"
    ) as error:
        training_script(config, load_dataset(DataConfig()).info())
    assert len(str(error.value)) <= 400


def test_torchvisions_images_are_those_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing is asked for: the files are there
    root = put(tmp_path / 'a "quoted" folder', tiny(60))
    train_config = SHORT.replace(batch_size=20)
    for conditional in (False, True):
        config = RunConfig(
            data=DataConfig(name="mnist", root=root, validation=0.2),
            model=MLP.replace(conditional=conditional),
            train=train_config,
        )
        script = written(tmp_path / str(conditional), config)
        np.testing.assert_allclose(losses_of_the_script(script, 20), losses_of_the_run(config, 20), rtol=1e-5)


def test_emnist_is_turned_upright_and_its_letters_count_from_0(tmp_path: Path) -> None:
    files = {
        f"emnist-letters-{name.replace('t10k', 'test')}": content
        for name, content in tiny(60, first_label=1, num_classes=26).items()
    }
    config = RunConfig(
        data=DataConfig(name="emnist", emnist_split="letters", root=put(tmp_path, files, "EMNIST")),
        model=MLP.replace(conditional=True),
        train=SHORT.replace(batch_size=20),
    )
    script = written(tmp_path, config)
    np.testing.assert_allclose(losses_of_the_script(script, 20), losses_of_the_run(config, 20), rtol=1e-5)


def test_own_images_go_beside_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    np.savez(
        tmp_path / "own.npz", images=draw.integers(0, 256, (50, 6, 5, 3), np.uint8), labels=np.arange(50) % 4
    )
    config = RunConfig(
        data=DataConfig(name="npz", path=tmp_path / "own.npz"),
        model=CONV.replace(conditional=True, likelihood="gaussian"),
        train=SHORT.replace(batch_size=16),
    )
    run, dataset = create(tmp_path / "run", config)
    files = write_script(run, tmp_path / "my script.py").files
    assert [file.name for file in files] == ["my script.py", "my script.bin"]
    images, labels = dataset.part("train")
    assert labels is not None
    assert files[1].read_bytes() == labels.numpy().tobytes() + images.numpy().tobytes()
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(losses_of_the_script(files[0], 20), losses_of_the_run(config, 20), rtol=1e-5)


def test_layers_with_very_many_inputs_take_smaller_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "wide.npz", images=draw.integers(0, 256, (12, 160, 160, 3), np.uint8))
    config = RunConfig(
        data=DataConfig(name="npz", path=tmp_path / "wide.npz"),
        model=MLP.replace(hidden=(4,)),
        train=SHORT.replace(batch_size=4, learning_rate_schedule="cosine"),
    )
    script = written(tmp_path, config)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_allclose(losses_of_the_script(script, 12), losses_of_the_run(config, 12), rtol=1e-5)


def test_a_script_run_as_a_program_prints_an_epoch_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SMALL.replace(train=TRAIN.replace(epochs=2))
    script = written(tmp_path, config)
    with torch.random.fork_rng():
        runpy.run_path(str(script), run_name="__main__")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1: loss ")
    assert second.startswith("epoch 2: loss ")


def test_what_happened_to_the_run_beside_its_configuration_is_told(tmp_path: Path) -> None:
    run = train(tmp_path / "run", hook=wishing({6: {"beta": 3.0}}))
    (sentence,) = write_script(run, tmp_path / "a.py").warnings
    assert sentence == "β was changed by hand once in this run; the script follows the configuration alone"
    untouched, _ = create(tmp_path / "other")
    assert not write_script(untouched, tmp_path / "b.py").warnings


def test_parts_of_the_script_stand_for_the_theory() -> None:
    parts = script_parts(RunConfig(), load_dataset(DataConfig()).info())
    assert list(parts) == ["data", "encoder", "decoder", "likelihood", "schedule", "loss", "training", "main"]
    assert "z = mean + torch.exp(0.5 * log_var) * noise" in parts["loss"]
    assert "binary_cross_entropy_with_logits" in parts["likelihood"]


def test_code_of_ones_own_cannot_be_written_out() -> None:
    info = load_dataset(DataConfig()).info()
    config = RunConfig(model=ModelConfig.model_construct(**{**dict(ModelConfig()), "network": "external"}))
    with pytest.raises(UserError, match=r"model\.network must be one of mlp, conv .* got 'external'"):
        training_script(config, info)
