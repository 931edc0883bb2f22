"""The frame of a chapter: at the left its formulas with the run's numbers, and words; at the right its chart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.cache import datasets, models
from dashboard.link import keys, session
from dashboard.look.markdown import plain
from dashboard.shell import run_picker, stage, subject
from dashboard.shell.subject import Subject
from dashboard.views.learn import script_lines
from dashboard.views.learn.thumbs import thumbs
from vae.errors import printable
from vae.runs.run import Run
from vae.runtime.number_format import adding_up, significant

if TYPE_CHECKING:
    from dashboard.streamlit_internals import DeltaGenerator


#: How KaTeX shows signs that it would read as its own.
_IN_TEXT = {
    **{sign: f"\\{sign}" for sign in "#$%&_{}"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "«": '"',
    "»": '"',
}


def chapter(title: str, run: Run, name: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The two cards of a chapter: for its formulas and words, and for its chart.

    Below the words are the lines of the run's training script that the chapter speaks of.

    Args:
        title: Of the chapter.
        run: Whose script.
        name: Of the chapter, as links have it.
    """
    left, right = stage.columns(5, 7)
    with left, stage.card("words", title, fill=True):
        words = st.container()
        script_lines.draw(run, name)
    with right:
        chart = stage.card("chart", fill=True)
    return words, chart


def choose(run: Run) -> Subject:
    """The row of images to choose from, and the image that is looked at."""
    found = subject.of(run)
    picked = thumbs(found, key=f"learn-thumbs:{run.id}")
    if picked is not None and picked != found.row:
        session.write(keys.image(run.info.num_test), picked)
        found = subject.of(run)
        st.rerun()
    if found.is_decoded:
        st.caption("Dataset not downloaded: these images are decoded from samples of the prior.")
    return found


def formula(text: str, *values: float | str) -> None:
    """A line of KaTeX. Each term between « and » has the next of the values below it.

    Args:
        text: As KaTeX has it.
        values: A number, or what is to stand there.
    """
    below = iter(values)

    def under(term: re.Match[str]) -> str:
        value = next(below)
        shown = value if isinstance(value, str) else number(value)
        return rf"\underbrace{{{term[1]}}}_{{\displaystyle {shown}}}"

    st.latex(re.sub("«(.+?)»", under, text))


def number(value: float) -> str:
    """A number as KaTeX sets it, with five digits; very large and small ones by their power of ten."""
    if value != value:
        return r"\text{?}"
    if abs(value) == float("inf"):
        return r"\infty" if value > 0 else r"-\infty"
    mantissa, power = significant(value)
    return rf"{mantissa}\cdot 10^{{{power}}}" if power else mantissa


def words_in_formula(text: str, most: int = 10) -> str:
    """Words of somebody else inside a formula: their signs mean nothing to KaTeX; too long ones are cut."""
    shown = shortened(printable(text), most)
    return rf"\text{{{''.join(_IN_TEXT.get(sign, sign) for sign in shown)}}}"


def shortened(text: str, most: int) -> str:
    """The text, with an ellipsis for what is too much of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def written(value: float) -> str:
    """A number of a chart, with five digits."""
    mantissa, power = significant(value)
    return (f"{mantissa}e{power}" if power else mantissa).replace("-", "−")


def summed(parts: list[float], total: float) -> tuple[list[str], str]:
    """Parts of a sum and their total, rounded so that they add up; the smallest has five digits, if six decimals do."""
    sizes = [abs(value) for value in (*parts, total) if value and math.isfinite(value)]
    decimals = min(6, max(0, 4 - math.floor(math.log10(min(sizes, default=1.0)))))
    values, whole = adding_up(parts, total, decimals)
    return [f"{value:.{decimals}f}" for value in values], f"{whole:.{decimals}f}"


def offer(wanted: Callable[[Run], bool], why: str) -> None:
    """Say that the chosen run does not fit, and offer one that does.

    Args:
        wanted: Whether a run fits.
        why: What this chapter needs, as a sentence.
    """
    st.info(plain(why), icon=":material/info:")
    own, _ = run_picker.all_runs()
    fitting = [run for run in own if wanted(run) and models.stamp(run, "best")]
    fitting.sort(key=lambda run: bool(datasets.missing_images(run)))
    for run in fitting[:2]:
        if st.button(f"Show {plain(run.name)}", icon=":material/swap_horiz:", key=f"learn-offer:{run.id}"):
            session.choose_run(run.id)
            st.rerun()
    if not fitting:
        st.caption("There is no such run yet. Train one on the Train page.")


def trace(x: Any, y: Any, **more: Any) -> dict[str, Any]:
    """A line or points, of lists or tensors."""
    return {"type": "scatter", "x": listed(x), "y": listed(y), "hoverinfo": "x+y", **more}


def listed(values: Any) -> list[float]:
    """Numbers of a tensor, an array or a list, as JSON has them."""
    return [float(value) for value in values]


def level(value: float, low: float, high: float, colour: str, name: str, **more: Any) -> dict[str, Any]:
    """A horizontal dashed line."""
    line = {"color": colour, "width": 2, "dash": "dash"}
    return trace([low, high], [value, value], mode="lines", name=name, line=line, **more)
