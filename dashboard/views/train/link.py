"""What a link says of the Train page: the horizontal axis of the curves, and what of it is in view."""

from __future__ import annotations

from dashboard.link.keys import Key, choice

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
