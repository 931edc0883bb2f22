"""Beside a formula, the lines of the run's own training script that compute it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import streamlit as st

from dashboard.look.markdown import plain
from dashboard.shell import run_code
from vae.errors import UserError
from vae.runs.run import Run


@dataclass(frozen=True)
class Passage:
    """Lines of one part of the script, see `vae.training.training_script.script_parts`.

    Attributes:
        part: Its name.
        begins, ends: What the first line has in it, and the last one; empty for the part's own ends. Patterns.
    """

    part: str
    begins: str = ""
    ends: str = ""


_RATE = Passage("loss", r"# KL = ", r"rate = ")
#: What each chapter speaks of.
PASSAGES: dict[str, tuple[Passage, ...]] = {
    "model": (Passage("likelihood"),),
    "pipeline": (Passage("loss", "encoder\\(x", "distortion ="),),
    "posterior": (Passage("encoder", "def forward"),),
    "elbo": (Passage("loss", "distortion ="),),
    "identity": (Passage("loss"),),
    "kl": (_RATE,),
    "reparameterisation": (Passage("loss", "noise = ", "z = "),),
    "likelihoods": (Passage("likelihood"),),
    "why-kl": (Passage("schedule", "", "return"), Passage("loss", "return")),
    "conditional": (Passage("loss", "", "distortion ="), Passage("decoder", "def forward")),
}


def draw(run: Run, chapter: str) -> None:
    """Draw them behind a line that opens, with the button that downloads the whole script."""
    with st.expander("The same in code", icon=":material/code:", key="learn-lines"):
        try:
            script = run_code.script(run)
        except UserError as error:
            st.caption(plain(f"This run cannot be written as a script: {error}."))
            return
        for passage in PASSAGES[chapter]:
            first, last, text = lines_of(script, run_code.parts(run)[passage.part], passage)
            st.caption(
                f"Lines {first} to {last} of {len(script.splitlines())}" if last > first else f"Line {first}"
            )
            st.code(text, language="python")
        run_code.offer(run)


def lines_of(script: str, part: str, passage: Passage) -> tuple[int, int, str]:
    """The numbers of the first and the last line, from 1, and the lines, moved to the left.

    Raises:
        ValueError: If the part has no such line: the script is written otherwise than this page knows.
    """
    from textwrap import dedent

    lines = part.splitlines()
    begin = next((k for k, line in enumerate(lines) if re.search(passage.begins, line)), None)
    if begin is None:
        raise ValueError(f"{passage.part} has no line like {passage.begins!r}")
    ending = [k for k in range(begin, len(lines)) if passage.ends and re.search(passage.ends, lines[k])]
    if passage.ends and not ending:
        raise ValueError(f"{passage.part} has no line like {passage.ends!r}")
    end = ending[0] if ending else len(lines) - 1
    before = script[: script.index(part)].count("\n")
    return before + begin + 1, before + end + 1, dedent("\n".join(lines[begin : end + 1]))
