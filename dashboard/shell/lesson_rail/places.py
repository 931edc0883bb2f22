"""What a lesson may point at: names of cards and controls, and where they are in the page.

A card is known by the name that `card=` in a link takes. Controls are known by the names below; Streamlit gives what it
draws a class of its key.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Controls by name: CSS selectors.
CONTROLS: dict[str, str] = {
    "train": ".st-key-new-train",
    "form": ".st-key-train-form",
    "data": '[class*="st-key-new-data"]',
    "beta": '[class*="objective-beta"], [class*="st-key-beta-"], .st-key-learn-beta',
    "epochs": '[class*="train-epochs"]',
    "latent-dim": '[class*="model-latent_dim"]',
    "conditional": '[class*="model-conditional"]',
    "likelihood": '[class*="model-likelihood"]',
    "pause": '[class*="st-key-pause-"]',
    "sliders": '[class*="st-key-explore-sliders"], [class*="st-key-map-sliders"]',
    "image": '[class*="st-key-explore-image"]',
    "draw": '[class*="st-key-explore-draw"]',
    "map": '[class*="st-key-beside-map"]',
    "diagnosis": '[class*="st-key-diagnosis-"]',
    "remedies": ".st-key-remedies",
    "recipes": '[class*="st-key-recipe-"]',
    "seed": '[class*="st-key-generate-seed"]',
    "temperature": '[class*="st-key-generate-temperature"]',
    "class": '[class*="st-key-generate-y"]',
    "time": ".st-key-foot",
    "modes": ".st-key-head-modes",
    "chapters": ".st-key-learn-chapter",
    "thumbs": '[class*="st-key-learn-thumbs"]',
    "pass": '.st-key-one-pass, [class*="st-key-pipeline-"]',
    "run": '[class*="st-key-run-picker"]',
}


def selector(names: Sequence[str]) -> str:
    """The CSS selector of all these places; empty if there are none."""
    found = []
    for name in names:
        found.append(f".st-key-card-{name.replace('_', '-')}")
        if name in CONTROLS:
            found.append(CONTROLS[name])
    return ", ".join(found)
