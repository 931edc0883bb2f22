"""The names of controls, by which links hide and fix them (`hide=`, `lock=`) and lessons point at them.

What Streamlit draws is found by the key that it was given: the keys stand here, once for all pages. A key has its
name first, and what tells one widget from another of the same name after a colon: ``beta:run-1:0``. Controls of our
own components name themselves (`vae/browser/lib/controls.js`): `map.lasso` is the control `lasso` of the component
`map`. The table goes to the browser with the page (`dashboard/server/first_scripts.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dashboard.streamlit_internals import MENU, selector_of_key
from vae import browser
from vae.config.schema import RunConfig

#: What `hide` and `lock` take: names, separated by commas; with a full stop, a component's own control.
NAME = r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)?"


@dataclass(frozen=True)
class Control:
    """A control, or what belongs together of them.

    Attributes:
        title: What a person reads who chooses which of them stay.
        keys: Streamlit's keys of it; a star stands for whatever else is in the key.
    """

    title: str
    keys: tuple[str, ...]

    @property
    def selector(self) -> str:
        """Where it is in the page, as CSS."""
        return ", ".join(map(selector_of_key, self.keys))


def _options() -> Iterator[tuple[str, Control]]:
    """The options of a new run, by the names of their fields."""
    for section, field in RunConfig.model_fields.items():
        for name, info in getattr(field.annotation, "model_fields", {}).items():
            extra = info.json_schema_extra
            label = str(extra.get("label", name)) if isinstance(extra, dict) else name
            yield name.replace("_", "-"), Control(label, (f"option-{section}.{name}:*",))


def _table() -> dict[str, Control]:
    table = {name: Control(title, tuple(keys)) for name, (title, *keys) in _CONTROLS.items()}
    for name, control in _options():
        known = table.get(name)
        keys = (*(known.keys if known else ()), *control.keys)
        table[name] = Control(known.title if known else control.title, keys)
    return table


#: By name: title, and keys.
_CONTROLS: dict[str, Sequence[str]] = {
    # The frame of all pages.
    "run": ("Run", "run-picker:*"),
    "run-images": ("Images of the run", "run-images-fold", "run-images-elsewhere"),
    "place": ("Place of the images", "place-of-images:*", "place-of-images-use"),
    "download": ("Download a dataset", "sidebar:download", "new:download:*"),
    "copy-link": ("Copy link", "copy-link"),
    "present": ("Present", "present", "leave-presentation"),
    "help": ("Help", "help"),
    "modes": ("Modes of the page", "head-modes"),
    "time": ("Time machine", "foot", "time:*"),
    "pass": ("One pass through the model", "one-pass", "one-pass-open", "pipeline-*"),
    "cancel": ("Cancel", "cancel-job:*"),
    "lesson-rail": ("Lesson", "lesson-rail", "lesson-rail-part"),
    "code": ("Code of the run", "script:*"),
    # Start.
    "ways": ("Ways to begin", "ways"),
    "way-learn": ("Learn: lesson 1", "way-learn"),
    "way-train": ("Train", "way-train"),
    "way-open": ("Open your own", "way-open", "way-images", "way-run", "way-loop"),
    # Learn.
    "group": ("Theory or lessons", "learn-group"),
    "chapters": ("Chapter", "learn-chapter", "learn-previous", "learn-next"),
    "thumbs": ("Image", "learn-thumbs:*"),
    "samples-of-prior": ("Samples of the prior", "learn-count"),
    "weights": ("Importance weights", "learn-weights"),
    "sigma-of-chapter": ("σ of the Gaussian", "learn-sigma"),
    "dimension": ("Dimension", "learn-dim:*"),
    "train-again": ("Train both again", "learn-again", "learn-train-both"),
    "offer": ("A run that fits", "learn-offer:*"),
    "start-lesson": ("Start a lesson", "start-lesson:*"),
    "density": ("μ and σ", "learn-kl:*"),
    "lines": ("Lines of the script", "learn-lines"),
    # Train.
    "form": ("Form of a new run", "train-form", "new-run:*"),
    "train": ("Train", "new-train"),
    "data": ("Data", "new:data*"),
    "name": ("Name", "new:name:*"),
    "own-images": ("Own images", "new:npz:*", "new:zip:*", "new:directory:*", "new:path:*"),
    "more-options": ("More options", "more-options"),
    "option": ("Option of a plug-in", "own-option:*"),
    "beta": ("β", "beta:*", "learn-beta"),
    "schedule-of-beta": ("Return to the schedule", "schedule:*"),
    "pause": ("Pause", "wish-pause:*"),
    "stop": ("Stop", "wish-stop:*"),
    "resume": ("Resume", "wish-run:*"),
    "step": ("Step", "wish-step:*"),
    "leave-queue": ("Leave the queue", "wish-cancel:*"),
    "continue": ("Continue training", "wish-start:*", "wish-extend:*"),
    "more-epochs": ("More epochs", "more-epochs:*"),
    "latent-map": ("Latent map", "train-show-map:*", "train-map:*"),
    "curves": ("Curves", "train-curves:*"),
    "networks": ("How your networks were understood", "watched-networks"),
    # Explore and Map.
    "sliders": ("Sliders", "explore-sliders:*", "map-sliders:*"),
    "image": ("Decoded image", "explore-image:*"),
    "draw": ("Images to encode", "explore-draw:*"),
    "show-map": ("Map", "explore-show-map:*"),
    "map": ("Map", "map-chart:*", "beside-map-chart:*"),
    "paths": ("Paths and arithmetic", "explore-paths-open:*", "explore-paths:*"),
    "part": ("Which images", "map-part:*"),
    "evolution": ("Evolution as a film", "evolution-*"),
    # Generate.
    "mode": ("What is shown", "generate-mode:*"),
    "num": ("Images", "generate-num:*"),
    "rows": ("Rows", "generate-rows:*"),
    "seed": ("Seed", "generate-seed:*", "evaluate-seed:*"),
    "sample-again": ("Sample again", "generate-again:*"),
    "temperature": ("Temperature", "generate-temperature:*"),
    "limit": ("Limit", "generate-limit:*"),
    "components": ("Gaussians", "generate-components:*"),
    "class": ("Class", "generate-y:*"),
    "to": ("Second class", "generate-to:*"),
    "from": ("z from", "generate-from-*"),
    "test-image": (
        "Test image",
        "generate-of:*",
        "generate-image:*",
        "generate-thumb:*",
        "generate-earlier",
        "generate-later",
    ),
    "sheets": ("Download", "generate-png", "generate-zip"),
    "open-explore": ("Open Explore", "generate-open-explore"),
    # Collapse.
    "tab": ("Run or recipes", "collapse-tab"),
    "diagnosis": ("Diagnosis", "diagnosis:*"),
    "remedies": ("Remedies", "remedies", "cure:*"),
    "recipes": ("Recipes", "recipe:*"),
    "question": ("Which β is mine?", "units:*"),
    "charts": ("Charts side by side", "collapse-beside"),
    "more-about": ("More about the second run", "collapse-more"),
    "leave-comparison": ("Leave the comparison", "leave-before"),
    "own-measurements": ("Own measurements", "collapse-own"),
    # Evaluate.
    "samples-per-image": ("Samples per image", "evaluate-k:*"),
    "images-measured": ("Test images", "evaluate-images:*", "evaluate-annealed:*"),
    "distributions": ("Distributions", "evaluate-steps:*"),
    "proposal": ("Proposal", "evaluate-proposal:*"),
    "measure": ("Measure the bound", "measure-bound:*"),
    "measure-annealed": ("Measure by annealing", "measure-annealed:*"),
    "bound-curve": ("Bound against samples", "importance-curve:*"),
    "posterior": ("Exact posterior", "truth-plot:*"),
    "condition-of-drawing": ("Condition for the drawing", "truth-class:*"),
    "lag": ("Does the encoder lag?", "lag-open", "lag-start:*", "lag-gap:*", "lag-distance:*"),
    # Compare.
    "runs": ("Runs", "compare-runs:*"),
    "differences": ("Differences", "compare-differences"),
    "plane": ("Runs in the plane", "compare-plane:*"),
    "sweep": ("Sweep", "compare-sweep:*"),
    "start-sweep": ("Start a sweep", "sweep-open"),
    "sweep-settings": (
        "Settings of a sweep",
        "sweep:base",
        "sweep:name",
        "sweep:betas",
        "sweep:seeds",
        "sweep:epochs:*",
    ),
    "start-runs": ("Start the runs", "sweep:start", "sweep:again"),
    "dots": ("Rate–distortion plane", "plane:*"),
    "measure-more": ("Measure more runs", "measure-more:*"),
    "beside": ("Images side by side", "beside:*"),
    # Runs.
    "table": ("All runs", "runs-table:*"),
    "explore": ("Explore", "runs-explore"),
    "show-curves": ("Curves", "runs-curves"),
    "rename": ("Rename", "runs-rename", "runs-name", "runs-rename-now"),
    "export": ("Export", "runs-export", "runs-export-cancel"),
    "share": (
        "Share",
        "runs-share",
        "runs-share-form:*",
        "runs-share-make:*",
        "runs-share-as:*",
        "runs-share-images:*",
        "runs-share-licence:*",
        "runs-share-most:*",
    ),
    "delete": ("Delete", "runs-delete", "runs-delete-now"),
    "import": ("Import", "import-file:*", "import-now"),
}
_QUOTED = re.compile(r'"([^"\n]{1,60})"')
#: By name.
CONTROLS: dict[str, Control] = _table()
#: The list of pages, which has no key.
MENU_NAME = "menu"


@cache
def words_of_components() -> frozenset[str]:
    """What the components' sources have in quotes, in the form of a control's name.

    A component names its controls itself, some only where they are drawn; but each name, or the label that it is made
    of, stands in quotes somewhere. So what stands nowhere is no name.
    """
    found: set[str] = set()
    for folder in (browser.FOLDER, Path(__file__).resolve().parents[1]):
        for path in folder.rglob("*.js"):
            text = path.read_text(encoding="utf-8")
            found.update(
                re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in _QUOTED.findall(text)
            )
    return frozenset(found)


def for_browser() -> str:
    """Titles and selectors by name, as JSON for a page's head: nothing in it ends a script element."""
    found = {name: [one.title, one.selector] for name, one in CONTROLS.items()}
    found[MENU_NAME] = ["Pages", MENU]
    return json.dumps(found, ensure_ascii=True).replace("<", "\\u003c")
