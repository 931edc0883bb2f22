"""The label-leak probe: how well the class can be read off z by a linear classifier."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vae.errors import UserError
from vae.latent.embedding import Embedding
from vae.runtime.seeding import generator, stream_seed

#: Examples that the probe looks at, at most; of more, so many are drawn.
MAX_EXAMPLES = 20_000


@dataclass(frozen=True)
class Leak:
    """Accuracy of predicting y from z, on examples that the classifier has not seen.

    Attributes:
        accuracy: Share of the held-out examples whose class is predicted.
        standard_error: Of the accuracy, √(a (1 − a) / n) over the n held-out examples; the classifier taken as given.
        chance: Share of them that the most frequent class of the fitted examples would get right.
        num_fitted: Examples that the classifier was fitted to.
        num_held_out: Examples that it was tested on.
        num_classes: Classes among them.
        num_left_out: Examples of classes with one example alone, which cannot be in both halves.
        seed: Of the split.
    """

    accuracy: float
    standard_error: float
    chance: float
    num_fitted: int
    num_held_out: int
    num_classes: int
    num_left_out: int
    seed: int

    @property
    def share(self) -> float:
        """Accuracy above chance, as a share of what there is above chance: 0 is chance, 1 is every example right."""
        return 0.0 if self.chance >= 1 else (self.accuracy - self.chance) / (1 - self.chance)

    @property
    def is_chance(self) -> bool:
        """Whether the accuracy is within two standard errors of chance, or below it."""
        return self.accuracy <= self.chance + 2 * self.standard_error

    def verdict(self, *, conditional: bool) -> str:
        """What it means, in one sentence, for a conditional model or one without labels."""
        if conditional:
            if self.is_chance:
                return (
                    "A linear classifier cannot read the class from z: only the condition carries it, as it "
                    "should."
                )
            if self.share < 0.1:
                return (
                    "z contains a little of the class that the decoder is given: the separation is almost "
                    "complete."
                )
            return (
                "z still contains the class that the decoder is given: style and class are not separated, and one "
                "z decoded as another class may keep traces of its own."
            )
        if self.is_chance:
            return "A linear classifier cannot read the class from z: this model encodes other things, or nothing."
        if self.share >= 0.5:
            return (
                "z contains the class, as expected: this model is not given the label, so z has to carry it."
            )
        return (
            "z contains part of the class: this model saw no labels, and no linear classifier separates its "
            "classes in z."
        )

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return asdict(self)


def label_leak(embedding: Embedding, *, seed: int = 0, max_examples: int = MAX_EXAMPLES) -> Leak:
    """Predict the class from the posterior mean by logistic regression, and test it on a held-out half.

    The examples are split in halves by the seed, each class alike; the means are standardised by the fitted half.

    Args:
        embedding: Posteriors of the images, with labels (`vae.latent.embedding.embed`,
            `vae.latent.embedding.kept_embedding`).
        seed: Of the split.
        max_examples: Of more images than these, so many are drawn.

    Raises:
        UserError: If there are no labels, fewer than two classes with two examples each, or a mean is not finite.

    Source:
        scikit-learn's LogisticRegression (L2 penalty, C = 1) and StratifiedShuffleSplit.
    """
    import torch
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if embedding.labels is None:
        raise UserError("the label-leak probe needs labels, got images without; add labels to the data")
    z, labels = embedding.mean.cpu().double(), embedding.labels
    if len(z) > max_examples:
        drawn = torch.randperm(len(z), generator=generator(seed, "leak"))[:max_examples]
        z, labels = z[drawn], labels[drawn]
    counts = torch.bincount(labels)
    enough = counts[labels] >= 2
    x, y = z[enough].numpy(), labels[enough].numpy()
    num_classes = int((counts >= 2).sum())
    if num_classes < 2:
        raise UserError(
            f"the label-leak probe needs two classes with two examples each, got {num_classes}; use a larger part of "
            "the data"
        )
    fitted, held_out, y_fitted, y_held_out = train_test_split(
        x, y, test_size=0.5, stratify=y, random_state=stream_seed(seed, "leak") % 2**32
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    with warnings.catch_warnings():
        # Separable classes push the weights out for ever; what they predict is settled long before.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Few examples of many classes: our counts say so.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        classifier.fit(fitted, y_fitted)
    accuracy = float((classifier.predict(held_out) == y_held_out).mean())
    values, frequencies = np.unique(y_fitted, return_counts=True)
    return Leak(
        accuracy=accuracy,
        standard_error=math.sqrt(accuracy * (1 - accuracy) / len(y_held_out)),
        chance=float((y_held_out == values[frequencies.argmax()]).mean()),
        num_fitted=len(y_fitted),
        num_held_out=len(y_held_out),
        num_classes=num_classes,
        num_left_out=int((~enough).sum()),
        seed=seed,
    )
