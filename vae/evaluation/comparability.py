"""What a run's test metrics were measured with: images, pixels, likelihood. Only metrics of one protocol compare."""

from __future__ import annotations

from dataclasses import dataclass

from vae.config.registries import LIKELIHOODS
from vae.config.schema import RunConfig
from vae.runs.run import Run
from vae.runtime.number_format import counted

_PIXELS = {
    "none": "grey pixels",
    "threshold": "pixels thresholded at {threshold:g}",
    "static": "pixels sampled once",
    "dynamic": "pixels sampled again each time",
}


@dataclass(frozen=True)
class EvaluationProtocol:
    """What log p(x) of a run is the probability of; two runs with equal ones can be compared.

    A fixed and a learned σ of the Gaussian give densities of the same pixels, and stand in one plane.

    Attributes:
        data: Name of the data set.
        fingerprint: Of its images, labels and split.
        num_test: Test images.
        pixels: What became of the grey pixels, in words.
        likelihood: In words.
        given: ``class`` for a conditional model, whose figures are of p(x|y); empty else.
    """

    data: str
    fingerprint: str
    num_test: int
    pixels: str
    likelihood: str
    given: str

    @classmethod
    def of(cls, run: Run) -> EvaluationProtocol:
        """A run's."""
        config = run.config
        return cls(
            config.data.name,
            run.info.fingerprint,
            run.info.num_test,
            pixels(config),
            likelihood_words(config),
            "class" if config.model.conditional else "",
        )

    @property
    def words(self) -> str:
        """All of it on one line."""
        given = ", given the class" if self.given else ""
        return f"{self.data}, {counted(self.num_test, 'test image')}, {self.pixels}, {self.likelihood}{given}"


def likelihood_words(config: RunConfig) -> str:
    """The likelihood in words; those of one family are probabilities of the same thing."""
    name = config.model.likelihood
    return f"{LIKELIHOODS.fact(name, 'family', LIKELIHOODS.title(name))} likelihood"


def pixels(config: RunConfig) -> str:
    """What became of the grey pixels, in words."""
    data = config.data
    words = _PIXELS[data.binarize].format(threshold=data.threshold)
    # Another seed is another set of images.
    return (
        f"{words} (split seed {data.split_seed})" if data.binarize == "static" and data.split_seed else words
    )


def why_not_comparable(yardsticks: list[EvaluationProtocol]) -> str:
    """In what several yardsticks differ, as a sentence; empty if they are alike."""
    names = {
        "fingerprint": "images",
        "pixels": "pixels",
        "likelihood": "likelihood",
        "given": "condition",
    }
    found = [
        word
        for field, word in names.items()
        if len({getattr(yardstick, field) for yardstick in yardsticks}) > 1
    ]
    if not found:
        return ""
    listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    differ = "differs" if found in (["likelihood"], ["condition"]) else "differ"
    return f"Their {listed} {differ}. Their values are not comparable, so they get separate charts."
