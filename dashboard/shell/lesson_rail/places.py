"""What a lesson may point at: names of cards and controls, and where they are in the page.

A card is known by the name that `card=` in a link takes. Controls are known by the names below, and by Streamlit's key
of them; a star stands for whatever else is in the key.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.streamlit_internals import selector_of_key

#: Controls by name: Streamlit's keys.
CONTROLS: dict[str, tuple[str, ...]] = {
    "train": ("new-train",),
    "form": ("train-form",),
    "data": ("new-data*",),
    "beta": (
        "*objective-beta*",
        "beta-*",
        "learn-beta",
    ),
    "epochs": ("*train-epochs*",),
    "latent-dim": ("*model-latent_dim*",),
    "conditional": ("*model-conditional*",),
    "likelihood": ("*model-likelihood*",),
    "pause": ("pause-*",),
    "sliders": (
        "explore-sliders*",
        "map-sliders*",
    ),
    "image": ("explore-image*",),
    "draw": ("explore-draw*",),
    "map": ("beside-map*",),
    "diagnosis": ("diagnosis-*",),
    "remedies": ("remedies",),
    "recipes": ("recipe-*",),
    "seed": ("generate-seed*",),
    "temperature": ("generate-temperature*",),
    "class": ("generate-y*",),
    "time": ("foot",),
    "modes": ("head-modes",),
    "chapters": ("learn-chapter",),
    "thumbs": ("learn-thumbs*",),
    "pass": (
        "one-pass",
        "pipeline-*",
    ),
    "run": ("run-picker*",),
}


def selector(names: Sequence[str]) -> str:
    """The CSS selector of all these places; empty if there are none."""
    found = []
    for name in names:
        found.append(f"card-{name}")
        found += CONTROLS.get(name, ())
    return ", ".join(map(selector_of_key, found))
