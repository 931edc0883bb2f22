"""What a link says of the Train page: the axis of the curves, what of it is in view, settings of a new run."""

from __future__ import annotations

from dashboard.link.keys import Key, choice
from dashboard.views.train.config_form import BETAS
from vae.config.schema import RunConfig
from vae.config.suggestions import suggest
from vae.errors import UserError

#: The Train page: the horizontal axis of the curves, and what of it is in view.
AXIS = choice("axis", ("epoch", "step", "seconds"))
#: Whether the latent map is beside the curves.
SHOW_MAP = choice("probes", ("on", "off"))
_FARTHEST = 1e12


def _span(text: str) -> tuple[float, float] | None:
    if text == "all":
        return None
    start, end = map(float, text.split(","))
    if not -_FARTHEST <= start < end <= _FARTHEST:
        raise ValueError
    return start, end


SPAN: Key[tuple[float, float] | None] = Key(
    "span",
    _span,
    "two numbers of the horizontal axis, the smaller one first, separated by a comma, or all",
    lambda span: "all" if span is None else ",".join(f"{value:.7g}" for value in span),
)


#: The settings of a new run that a link may name, by the section that they are in.
_SECTIONS = {
    "conditional": "model",
    "latent_dim": "model",
    "likelihood": "model",
    "beta": "objective",
    "epochs": "train",
    "seed": "train",
}


def _new(text: str) -> RunConfig:
    said = dict(part.split(":") for part in text.split(","))
    config = suggest(said.pop("data", "digits"))
    changes: dict[str, dict[str, object]] = {}
    for name, value in said.items():
        changes.setdefault(_SECTIONS[name], {})[name] = _value(name, value)
    try:
        sections = {name: getattr(config, name).replace(**values) for name, values in changes.items()}
        return config.replace(**sections)
    except UserError:
        raise ValueError from None


def _value(name: str, text: str) -> object:
    match name:
        case "likelihood":
            return text
        case "conditional":
            return {"yes": True, "no": False}[text]
        case "beta" if float(text) in BETAS:
            return float(text)
        case "epochs" | "latent_dim" | "seed":
            return int(text)
    raise ValueError


def _parse_new(text: str) -> RunConfig:
    try:
        return _new(text)
    except (KeyError, UserError):
        raise ValueError from None


#: What the form of a new run begins with.
NEW: Key[RunConfig | None] = Key(
    "new",
    _parse_new,
    "settings of a new run such as data:digits,beta:1,epochs:200,latent_dim:2,conditional:no, separated by commas",
)
