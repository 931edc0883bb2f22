"""The label-leak probe: what it finds where the answer is known, its numbers, and its words."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from vae.cli import main
from vae.data.dataset import Dataset
from vae.diagnostics.label_leakage import Leak, label_leak
from vae.errors import UserError
from vae.latent.embedding import Embedding, embed, kept_embedding
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runtime.seeding import stream_seed


def embedding(labels: Tensor, *, knows: float, latent_dim: int = 3, scale: float = 1.0) -> Embedding:
    """Means that are noise plus as much of the class, in one dimension, as `knows` says."""
    draw = torch.Generator().manual_seed(1)
    mean = torch.randn(len(labels), latent_dim, generator=draw)
    mean[:, 0] += knows * labels
    return Embedding(scale * mean, torch.zeros_like(mean), labels, torch.arange(len(labels)))


def balanced(num: int = 1200, num_classes: int = 4) -> Tensor:
    return torch.arange(num) % num_classes


class TestNumbers:
    def test_class_that_is_in_z_is_found(self) -> None:
        found = label_leak(embedding(balanced(), knows=20.0))
        assert found.accuracy == 1
        assert found.standard_error == 0
        assert found.share == 1
        assert not found.is_chance

    def test_class_that_is_not_in_z_is_not_found(self) -> None:
        found = label_leak(embedding(balanced(), knows=0.0))
        assert found.chance == 0.25
        assert found.is_chance
        assert abs(found.accuracy - found.chance) < 3 * found.standard_error

    def test_numbers_are_scikit_learns_step_by_step(self) -> None:
        labels = torch.cat([balanced(300, 3), torch.zeros(100, dtype=torch.int64)])
        given = embedding(labels, knows=0.8)
        found = label_leak(given, seed=5)
        x, y = given.mean.double().numpy(), labels.numpy()
        fitted, held_out, y_fitted, y_held_out = train_test_split(
            x, y, test_size=0.5, stratify=y, random_state=stream_seed(5, "leak") % 2**32
        )
        scaler = StandardScaler().fit(fitted)
        classifier = LogisticRegression(max_iter=200).fit(scaler.transform(fitted), y_fitted)
        accuracy = classifier.score(scaler.transform(held_out), y_held_out)
        chance = DummyClassifier(strategy="most_frequent").fit(fitted, y_fitted).score(held_out, y_held_out)
        assert found == Leak(
            accuracy=accuracy,
            standard_error=math.sqrt(accuracy * (1 - accuracy) / 200),
            chance=chance,
            num_fitted=200,
            num_held_out=200,
            num_classes=3,
            num_left_out=0,
            seed=5,
        )
        assert chance == 0.5

    def test_scale_of_z_does_not_matter(self) -> None:
        one, thousand = (label_leak(embedding(balanced(), knows=0.7, scale=scale)) for scale in (1, 1000))
        assert one.accuracy == pytest.approx(thousand.accuracy, abs=0.01)

    def test_standard_error_is_the_spread_over_halves(self) -> None:
        given = embedding(balanced(), knows=0.7)
        found = [label_leak(given, seed=seed) for seed in range(12)]
        assert len({leak.accuracy for leak in found}) > 3
        spread = float(np.std([leak.accuracy for leak in found]))
        assert 0.3 < spread / found[0].standard_error < 3
        assert found[0] == label_leak(given, seed=0)

    def test_classes_of_one_example_are_left_out_and_counted(self) -> None:
        labels = torch.cat([balanced(40, 2), torch.tensor([7, 9])])
        found = label_leak(embedding(labels, knows=0.0))
        assert (found.num_classes, found.num_left_out) == (2, 2)
        assert found.num_fitted + found.num_held_out == 40

    def test_many_classes_of_few_examples_are_told_and_no_warning(self) -> None:
        found = label_leak(embedding(balanced(60, 30), knows=50.0))
        assert (found.num_classes, found.num_fitted, found.num_held_out) == (30, 30, 30)
        assert found.chance == 1 / 30

    def test_many_examples_are_thinned(self) -> None:
        found = label_leak(embedding(balanced(), knows=20.0), max_examples=200)
        assert found.num_fitted + found.num_held_out == 200
        assert found.accuracy == 1

    def test_images_without_labels_or_of_one_class_are_refused(self) -> None:
        without = embedding(balanced(), knows=0.0)
        with pytest.raises(UserError, match="needs labels, got images without"):
            label_leak(Embedding(without.mean, without.log_var, None, without.index))
        with pytest.raises(UserError, match="two classes with two examples each, got 1"):
            label_leak(embedding(torch.tensor([0, 0, 0, 1]), knows=0.0))

    def test_negative_seed_is_refused(self) -> None:
        with pytest.raises(UserError, match="seed must be >= 0, got -1"):
            label_leak(embedding(balanced(), knows=0.0), seed=-1)


def leak(accuracy: float, chance: float = 0.1, num: int = 5000) -> Leak:
    return Leak(accuracy, math.sqrt(accuracy * (1 - accuracy) / num), chance, num, num, 10, 0, 0)


class TestWords:
    @pytest.mark.parametrize(
        ("accuracy", "conditional", "words"),
        [
            (0.1, True, "cannot read the class from z"),
            (0.05, True, "cannot read the class from z"),
            (0.13, True, "a little of the class"),
            (0.6, True, "still contains the class"),
            (0.1, False, "encodes other things, or nothing"),
            (0.4, False, "part of the class"),
            (0.9, False, "as expected"),
        ],
    )
    def test_verdict_fits_the_number_and_the_kind_of_model(
        self, accuracy: float, conditional: bool, words: str
    ) -> None:
        assert words in leak(accuracy).verdict(conditional=conditional)

    def test_share_is_0_at_chance_and_1_at_every_example_right(self) -> None:
        assert leak(0.1).share == 0
        assert leak(1.0).share == 1
        assert leak(1.0, chance=1.0).share == 0


class TestCommand:
    def test_answer_is_that_of_the_library(
        self, trained_run: Run, digits: Dataset, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main.main(["leak", str(trained_run.path), "--seed", "3", "--json"])
        answer = json.loads(capsys.readouterr().out)
        kept = kept_embedding(trained_run)
        assert kept is not None
        expected = label_leak(kept, seed=3)
        assert answer == {
            "run": trained_run.id,
            "split": "test",
            "at": "best",
            **expected.to_dict(),
            "verdict": expected.verdict(conditional=False),
        }
        main.main(["leak", str(trained_run.path), "--split", "validation", "--at", "last"])
        computed = label_leak(embed(load_model(trained_run, "last"), digits, "validation"))
        assert f"{computed.accuracy:.2%} ± {computed.standard_error:.2%}" in capsys.readouterr().out

    def test_what_cannot_be_is_one_sentence(
        self, trained_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shutil.copytree(trained_run.path, tmp_path / "copy")
        for words, sentence in (
            (["--seed", "-1"], "seed must be >= 0"),
            (["--at", "soon"], "at must be best, last"),
        ):
            with pytest.raises(SystemExit) as ended:
                main.main(["leak", str(tmp_path / "copy"), *words])
            assert ended.value.code == 2
            assert sentence in capsys.readouterr().err
