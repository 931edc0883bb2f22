"""Settings that are allowed but will not do what they seem to: without effect, or never reaching their value.

Imports no torch, as `vae.config.schema` does not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.config.registries import DATASETS, LIKELIHOODS, NETWORKS, OBJECTIVES
from vae.config.registry import Registry

if TYPE_CHECKING:
    from vae.config.schema import RunConfig


def _used_by(
    registry: Registry, option: str, name: str
) -> tuple[Callable[[RunConfig], bool], Callable[[], str]]:
    """Whether what an option chooses uses another option of its section, and what that is for, in words."""

    def users() -> list[str]:
        return [entry.name for entry in registry if name in entry.uses]

    def matters(run: RunConfig) -> bool:
        owner, field = _owner(run, option)
        chosen = getattr(owner, field)
        return chosen not in registry or chosen in users()

    return matters, lambda: f"{option} = {_either(users())}"


def _either(names: list[str]) -> str:
    return names[-1] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


#: Options that only matter beside a setting of another: (option, whether it matters, what it is for).
_NEEDS: tuple[tuple[str, Callable[[RunConfig], bool], str | Callable[[], str]], ...] = (
    ("data.emnist_split", *_used_by(DATASETS, "data.name", "emnist_split")),
    ("data.threshold", lambda run: run.data.binarize == "threshold", "data.binarize = threshold"),
    (
        "data.test",
        lambda run: not DATASETS.fact(run.data.name, "is_download", False),
        "datasets without a test part of their own",
    ),
    ("model.decoder", *_used_by(NETWORKS, "model.network", "decoder")),
    ("model.decoder", lambda run: run.model.likelihood == "bernoulli", "model.likelihood = bernoulli"),
    ("model.learned_prior", lambda run: run.model.conditional, "model.conditional = true"),
    ("model.hidden", *_used_by(NETWORKS, "model.network", "hidden")),
    ("model.channels", *_used_by(NETWORKS, "model.network", "channels")),
    ("model.activation", *_used_by(NETWORKS, "model.network", "activation")),
    ("model.sigma", *_used_by(LIKELIHOODS, "model.likelihood", "sigma")),
    ("objective.beta", *_used_by(OBJECTIVES, "objective.name", "beta")),
    ("objective.schedule", lambda run: run.objective.beta > 0, "objective.beta above 0"),
    ("objective.schedule", *_used_by(OBJECTIVES, "objective.name", "schedule")),
    (
        "objective.warmup_epochs",
        lambda run: run.objective.schedule in ("linear", "sigmoid"),
        "objective.schedule = linear or sigmoid",
    ),
    (
        "objective.cycle_epochs",
        lambda run: run.objective.schedule == "cyclical",
        "objective.schedule = cyclical",
    ),
    ("objective.free_bits", lambda run: run.objective.beta > 0, "objective.beta above 0"),
    ("objective.free_bits", *_used_by(OBJECTIVES, "objective.name", "free_bits")),
    ("objective.free_bits_per", lambda run: run.objective.free_bits > 0, "objective.free_bits above 0"),
    ("objective.free_bits", lambda run: not run.objective.capacity, "objective.capacity = 0"),
    ("objective.capacity", lambda run: run.objective.beta > 0, "objective.beta above 0"),
    ("objective.capacity", lambda run: not run.objective.free_bits, "objective.free_bits = 0"),
    ("objective.capacity", *_used_by(OBJECTIVES, "objective.name", "capacity")),
    ("objective.capacity_epochs", lambda run: run.objective.capacity > 0, "objective.capacity above 0"),
    ("train.eval_every", lambda run: run.data.validation > 0, "data.validation above 0"),
    ("train.learning_rate_schedule", lambda run: run.train.epochs > 1, "train.epochs above 1"),
    (
        "train.encoder_steps_epochs",
        lambda run: run.train.encoder_steps > 0,
        "train.encoder_steps above 0",
    ),
)


def warnings(run: RunConfig) -> list[str]:
    """One sentence for each setting that has no effect or never reaches its value; none for a sound configuration."""
    return [*_unreached(run), *_idle(run), *_unsuitable(run), *_slow(run)]


def _unreached(run: RunConfig) -> list[str]:
    objective, epochs = run.objective, run.train.epochs
    beta = f"beta never reaches {objective.beta:g}"
    found = []
    if objective.beta and objective.schedule in ("linear", "sigmoid") and objective.warmup_epochs > epochs:
        found.append(_longer("objective.warmup_epochs", objective.warmup_epochs, epochs, beta))
    if objective.beta and objective.schedule == "cyclical" and objective.cycle_epochs / 2 > epochs:
        found.append("half of " + _longer("objective.cycle_epochs", objective.cycle_epochs, epochs, beta))
    if objective.capacity and objective.capacity_epochs > epochs:
        target = f"the rate's target never reaches {objective.capacity:g} nats"
        found.append(_longer("objective.capacity_epochs", objective.capacity_epochs, epochs, target))
    if run.train.encoder_steps and run.train.encoder_steps_epochs > epochs:
        name, value = "train.encoder_steps_epochs", run.train.encoder_steps_epochs
        found.append(_longer(name, value, epochs, "the extra encoder steps never end"))
    return found


def _longer(name: str, value: float, epochs: int, what: str) -> str:
    return f"{name} ({value:g}) is longer than train.epochs ({epochs}): {what}"


def idle(run: RunConfig) -> dict[str, str]:
    """Options that were set and have no effect, each with the setting that it is for."""
    found = {}
    for option, matters, purpose in _NEEDS:
        owner, name = _owner(run, option)
        if getattr(owner, name) != type(owner).model_fields[name].default and not matters(run):
            found[option] = purpose if isinstance(purpose, str) else purpose()
    return found


def has_effect(run: RunConfig, option: str) -> bool:
    """Whether an option does anything beside the other settings.

    Args:
        run: The settings; anything with the same sections and names, such as those of a form that nobody has checked.
        option: Its section and name, as ``train.epochs``.
    """
    return all(matters(run) for name, matters, _ in _NEEDS if name == option)


def _idle(run: RunConfig) -> list[str]:
    found = []
    for option, purpose in idle(run).items():
        owner, name = _owner(run, option)
        value = getattr(owner, name)
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
        found.append(f"{option} ({shown}) has no effect: it applies only to {purpose}")
    return found


def _owner(run: RunConfig, option: str) -> tuple[Any, str]:
    """The section of the configuration that has an option, and the option's name there."""
    section, name = option.split(".")
    return getattr(run, section), name


def _unsuitable(run: RunConfig) -> list[str]:
    if run.data.binarize == "none" or not LIKELIHOODS.fact(run.model.likelihood, "is_density", True):
        return []
    return [
        f"binary pixels (data.binarize = {run.data.binarize}) under a {run.model.likelihood} likelihood: its "
        "density has no upper bound on them; use bernoulli for binary pixels"
    ]


def _slow(run: RunConfig) -> list[str]:
    if run.train.precision != "bf16" or has_bf16(run.train.device) is not False:
        return []
    return [
        "train.precision (bf16) is slower than float32 on this processor, which has no bfloat16 instructions; use "
        "float32"
    ]


def has_bf16(device: str) -> bool | None:
    """Whether the processor that will train multiplies bfloat16; None if that cannot be known without torch."""
    if device not in ("auto", "cpu") or (device == "auto" and Path("/proc/driver/nvidia").exists()):
        return None
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return None
    flags = next(
        (line.split() for line in text.splitlines() if line.lower().startswith(("flags", "features"))), []
    )
    return bool({"avx512_bf16", "amx_bf16", "bf16", "avx_ne_convert"} & set(flags)) if flags else None
