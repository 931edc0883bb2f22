"""What the modes of the Generate page share: downloads, what is known of an image, and how a page follows the time."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.link import drawing, keys, session
from dashboard.shell import latent_view
from dashboard.shell.navigation import go_to
from dashboard.shell.time_machine import Weights
from dashboard.views.generate.follow_time import Sheet
from vae.runs.run import Run

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator

#: Classes that are drawn side by side at most; a download has all.
MAX_COLUMNS = 100


@dataclass(frozen=True)
class Following:
    """What of a mode the browser decodes anew while the scrubber moves, and in words what waits for its release.

    `place` is where it is said of which weights the images are; below all else if a mode has no better one.
    """

    sheets: Sequence[Sheet] = ()
    later: str = ""
    place: DeltaGenerator | None = None


def weights_line() -> DeltaGenerator:
    """The place of the line that says of which weights the images are."""
    return st.container(key="generate-weights")


def downloads(name: str, weights: Weights, sheet: bytes, archive: Callable[[], bytes]) -> None:
    """The sheet as PNG, and each image with its z as a zip; their names say of which weights they are."""
    if session.presenting():
        return
    with st.container(horizontal=True):
        st.download_button(
            "Download PNG",
            sheet,
            file_name=f"{name}-{weights.name}.png",
            mime="image/png",
            key="generate-png",
            icon=":material/download:",
            on_click="ignore",
            help="One pixel for each pixel of the model.",
        )
        st.download_button(
            "Download zip",
            archive,
            file_name=f"{name}-{weights.name}.zip",
            mime="application/zip",
            key="generate-zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            help="A PNG for each image, and a table of their z.",
        )


def point(run: Run) -> list[float]:
    """The point of Explore, which the link then carries too."""
    z = latent_view.point(run)
    session.write(keys.point(run.config.model.latent_dim), z)
    return z


def lead_to_explore() -> None:
    """Say that Explore has no point yet, and lead there."""
    st.info("There is no drawing and no point yet: draw a digit or move a slider on the Explore page.")
    if st.button("Open Explore", icon=":material/draw:", key="generate-open-explore"):
        go_to("explore", {**session.link(), keys.PANEL.name: "draw"})


def whose(run: Run) -> str:
    """Which encoder made the z of a drawing, where the scrubber shows other weights: Explore's page encodes it."""
    if len(run.snapshots()) < 2:
        return ""
    return " Explore encoded it with the weights shown there; the time machine here changes only the decoder."


def drawn(text: str, run: Run) -> str:
    """The drawing of a link as a picture, as HTML."""
    picture = drawing.svg(text, run.info.height, run.info.width)
    address = "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
    return (
        '<figure style="margin: 0"><figcaption style="font-size: 0.8125rem">your drawing</figcaption>'
        f'<img style="border-radius: 3px; max-width: {largest(168)}px; width: 100%" src="{address}" '
        'alt="Your drawing"></figure>'
    )


def one_hots(num_classes: int) -> list[dict[int, float]]:
    """The condition of each class that is drawn."""
    return [{label: 1.0} for label in range(min(num_classes, MAX_COLUMNS))]


def facts(run: Run, seed: int, label: int | None) -> dict[str, Any]:
    """What the table of a download says of an image: its seed, and its class if it has one."""
    return {"seed": seed, **class_of(run, label)}


def class_of(run: Run, label: int | None) -> dict[str, Any]:
    """A class by number and name, for the table of a download; nothing without one."""
    return {} if label is None else {"label": label, "class": run.info.class_names[label]}


def largest(side: int) -> int:
    """The side of an enlarged image, CSS pixels: more in a presentation."""
    return round(side * (1.5 if session.presenting() else 1))


def tell_cap(num_classes: int) -> None:
    """Say so where not all classes are drawn."""
    if num_classes > MAX_COLUMNS:
        st.caption(f"Showing the first {MAX_COLUMNS} of {num_classes:,} classes; the downloads have all.")
