"""Recipes: each kind of collapse on the built-in digits, and its remedies from the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vae.config.checks import idle
from vae.config.schema import ModelConfig, ObjectiveConfig, RunConfig, TrainConfig
from vae.diagnostics.findings import Name
from vae.errors import UserError


@dataclass(frozen=True)
class Cure:
    """A change of a recipe's configuration that mends what the recipe breaks.

    Attributes:
        name: For commands and links.
        title: A few words.
        words: Why it helps.
        changes: Values by the names of their options, as ``(("objective.beta", 1.0), …)``.
    """

    name: str
    title: str
    words: str
    changes: tuple[tuple[str, Any], ...]

    def applied(self, config: RunConfig) -> RunConfig:
        """The configuration with the changes; all else stays, but for what they leave without effect."""
        before = idle(config)
        for path, value in self.changes:
            config = _with(config, path, value)
        for path in idle(config).keys() - before:
            section, option = path.split(".")
            config = _with(config, path, type(getattr(config, section)).model_fields[option].default)
        return config


@dataclass(frozen=True)
class Recipe:
    """Settings that provoke one verdict.

    Attributes:
        name: For commands and links.
        title: A few words.
        words: What happens, and why.
        verdict: The name of the verdict.
        config: The settings, with seed 0.
        cures: What mends it, the best first; none for a healthy run.
    """

    name: str
    title: str
    words: str
    verdict: Name
    config: RunConfig
    cures: tuple[Cure, ...] = ()

    def with_seed(self, seed: int) -> RunConfig:
        """The settings with another seed."""
        return self.config.replace(train=self.config.train.replace(seed=seed))

    def cure(self, name: str) -> Cure:
        """The cure of a name.

        Raises:
            UserError: If there is none.
        """
        for cure in self.cures:
            if cure.name == name:
                return cure
        known = ", ".join(cure.name for cure in self.cures) or "none"
        raise UserError(f"cure must be one of those of {self.name} ({known}), got {name!r}")


def _with(config: RunConfig, path: str, value: Any) -> RunConfig:
    section, option = path.split(".")
    return config.replace(**{section: getattr(config, section).replace(**{option: value})})


def _digits(
    *,
    epochs: int = 100,
    learning_rate: float = 3e-3,
    latent_dim: int = 8,
    objective: ObjectiveConfig | None = None,
    hidden: tuple[int, ...] = (128,),
    **model: Any,
) -> RunConfig:
    """A small model on the digits at full speed."""
    return RunConfig(
        model=ModelConfig(hidden=hidden, latent_dim=latent_dim, **model),
        objective=objective or ObjectiveConfig(),
        train=TrainConfig(epochs=epochs, batch_size=128, learning_rate=learning_rate),
    )


_ELBO = Cure("beta-1", "β = 1", "The ELBO: a nat of KL costs one nat.", (("objective.beta", 1.0),))
_WARM_UP = Cure(
    "warm-up",
    "Warm-up",
    "β rises from 0 over most of the training, so that the encoder learns something before it has to pay.",
    (("objective.schedule", "linear"), ("objective.warmup_epochs", 60.0)),
)
_FREE_BITS = Cure(
    "free-bits",
    "Free bits",
    "Half a nat of each dimension's KL costs nothing, so nothing pushes it to 0.",
    (("objective.free_bits", 0.5),),
)
_LEARNED_SIGMA = Cure(
    "learned-sigma",
    "Learned σ",
    "The decoder's σ starts at 0.1 and is trained with everything else, until it matches the residuals.",
    (("model.likelihood", "gaussian-learned"), ("model.sigma", 0.1)),
)

_ALL = (
    Recipe(
        "healthy",
        "A healthy run",
        "Two latent dimensions at β = 1. Both distinguish the digits, and the decoder needs them.",
        "healthy",
        _digits(latent_dim=2),
    ),
    Recipe(
        "beta-too-high",
        "β too high",
        "Each nat of KL costs 20 nats and saves a few at most. So the best solution is to encode nothing.",
        "over-regularised",
        _digits(objective=ObjectiveConfig(beta=20)),
        (
            _ELBO,
            Cure(
                "cyclical",
                "Cyclical β up to 1",
                "β rises from 0 to 1 again and again: the next cycle may find what the last one lost.",
                (
                    ("objective.beta", 1.0),
                    ("objective.schedule", "cyclical"),
                    ("objective.cycle_epochs", 20.0),
                ),
            ),
            _FREE_BITS,
        ),
    ),
    Recipe(
        "oversized-latent-space",
        "Oversized latent space",
        "Digits of 8 × 8 pixels need only a few dimensions. The others stay at the prior, where they cost nothing.",
        "spare-dimensions",
        _digits(latent_dim=64, epochs=150),
        (
            Cure(
                "smaller-space",
                "A smaller latent space",
                "Four dimensions, and all of them are used.",
                (("model.latent_dim", 4),),
            ),
            Cure(
                "free-bits",
                "Free bits",
                "A twentieth of a nat of each dimension's KL costs nothing, so each becomes active.",
                (("objective.free_bits", 0.05),),
            ),
        ),
    ),
    Recipe(
        "strong-decoder",
        "Too strong a decoder",
        "The decoder sees the pixels before each pixel. It learns the digits from them and does not need z.",
        "decoder-ignores-z",
        _digits(decoder="autoregressive"),
        (
            Cure(
                "free-bits",
                "Free bits",
                "Five nats of the total KL cost nothing. Since they are free, it pays to encode something in them.",
                (("objective.free_bits", 5.0), ("objective.free_bits_per", "total")),
            ),
            Cure(
                "independent-pixels",
                "A weaker decoder",
                "Pixels that are independent given z can only share information through z.",
                (("model.decoder", "independent"),),
            ),
        ),
    ),
    Recipe(
        "unlucky-start",
        "Unlucky start",
        "Four untrained layers pass on almost nothing of the image. At first only the KL term can be reduced, and "
        "once the posteriors equal the prior nothing leads away from it.",
        "early-collapse",
        _digits(latent_dim=2, hidden=(64,) * 4, learning_rate=5e-3, activation="tanh"),
        (
            Cure(
                "one-layer",
                "One hidden layer",
                "One layer passes on enough of the image from the start.",
                (("model.hidden", (64,)),),
            ),
            Cure(
                "encoder-steps",
                "Two layers, a warm-up and extra encoder steps",
                "β stays near 0 at first and then rises to 1. In the first epochs the encoder is trained alone for "
                "five steps before each step, so that it stays ahead. With four layers this is not enough.",
                (
                    ("model.hidden", (64, 64)),
                    ("train.encoder_steps", 5),
                    ("train.encoder_steps_epochs", 30.0),
                    ("objective.schedule", "sigmoid"),
                    ("objective.warmup_epochs", 80.0),
                ),
            ),
        ),
    ),
    Recipe(
        "sigma-too-large",
        "σ too large",
        "The decoder assumes that pixels vary over their whole range. Then no difference between images is worth a "
        "nat.",
        "wrong-sigma",
        _digits(likelihood="gaussian", sigma=1.0),
        (
            _LEARNED_SIGMA,
            Cure("sigma-0.15", "σ = 0.15", "About the size of the residuals.", (("model.sigma", 0.15),)),
        ),
    ),
    Recipe(
        "sigma-too-small",
        "σ too small",
        "The decoder assumes that pixels vary by a hundredth of their range. The smallest error costs hundreds of "
        "nats, and the KL hardly counts.",
        "wrong-sigma",
        _digits(likelihood="gaussian", sigma=0.01),
        (
            _LEARNED_SIGMA,
            Cure("sigma-0.15", "σ = 0.15", "About the size of the residuals.", (("model.sigma", 0.15),)),
        ),
    ),
    Recipe(
        "condition-ignored",
        "Condition ignored",
        "The decoder is given the class, but 32 dimensions at almost no cost encode everything about an image, the "
        "class too. Asked for a 3, it produces whatever z contains.",
        "condition-ignored",
        _digits(latent_dim=32, conditional=True, objective=ObjectiveConfig(beta=0.001)),
        (_ELBO,),
    ),
    Recipe(
        "wrong-scale",
        "A mean where a sum belongs",
        "The reconstruction is averaged over the 64 pixels and the KL term is not. That is β = 64, whatever the "
        "code says.",
        "wrong-scale",
        _digits(objective=ObjectiveConfig(beta=64)),
        (_ELBO,),
    ),
    Recipe(
        "no-rate",
        "No KL term",
        "At β = 0 nothing keeps the posteriors near the prior. They move apart and shrink, and samples from the "
        "prior fall between them.",
        "variance-blown-up",
        _digits(objective=ObjectiveConfig(beta=0), epochs=150),
        (_ELBO, Cure("warm-up", "Warm-up", "From β = 0 to 1.", (("objective.beta", 1.0), *_WARM_UP.changes))),
    ),
)

#: By name, in the order in which they are told.
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
