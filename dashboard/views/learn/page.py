"""Learn: the theory of the VAE in ten chapters, each with the numbers of the chosen run in its formulas."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import streamlit as st

from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.shell import no_weights_yet, run_picker
from dashboard.views.learn import lesson_list, link
from vae.errors import UserError

_WIDGET = "learn-chapter"


@dataclass(frozen=True)
class Chapter:
    """A chapter: its title, and the question that it answers."""

    title: str
    question: str


CHAPTERS = {
    "model": Chapter("The model", "What does a VAE assume, and why is p(x) hard to compute?"),
    "pipeline": Chapter("The pipeline", "What happens to one image on its way through a VAE?"),
    "posterior": Chapter(
        "The approximate posterior", "Why is the posterior approximated, and why is the result a bound?"
    ),
    "elbo": Chapter("The ELBO", "What are the terms of the ELBO for one image?"),
    "identity": Chapter("The gap to log p(x)", "How far below log p(x) does the ELBO lie?"),
    "kl": Chapter("The KL in closed form", "What does the KL cost, and where does it pull μ and σ?"),
    "reparameterisation": Chapter("Reparameterisation", "Why is z computed as μ + σ·ε?"),
    "likelihoods": Chapter("Likelihoods", "What does the choice of p(x|z) do to the loss?"),
    "why-kl": Chapter("Why the KL", "What becomes of the latent space without the KL?"),
    "conditional": Chapter("Conditional VAE", "What changes if the model is told the class?"),
}


def page() -> None:
    """Draw the page."""
    if lesson_list.is_wanted():
        lesson_list.draw()
        return
    session.seat(link.CHAPTER, _WIDGET, session.read(link.CHAPTER, link.CHAPTERS[0]))
    name = str(st.session_state[_WIDGET])
    chapter = CHAPTERS[name]
    modes = run_picker.head("Learn", chapter.question, page="learn")
    with modes:
        lesson_list.switch()
        _turn(name)
    session.write(link.CHAPTER, name)
    run = no_weights_yet.chosen_with_weights()
    if run is None:
        return
    module = name.replace("-", "_")
    drawn = import_module(f"dashboard.views.learn.chapters.{module}")
    try:
        drawn.draw(run, f"{_number(name)} · {chapter.title}")
    except UserError as error:
        st.error(plain(str(error)), icon=":material/block:")


def _number(name: str) -> int:
    return link.CHAPTERS.index(name) + 1


def _turn(name: str) -> None:
    """The chapters as a list, between a button that goes back and one that goes forward."""
    place = link.CHAPTERS.index(name)
    _step("Previous chapter", ":material/chevron_left:", place - 1)
    st.selectbox(
        "Chapter",
        link.CHAPTERS,
        format_func=lambda one: f"{_number(one)} · {CHAPTERS[one].title}",
        label_visibility="collapsed",
        width=250,
        key=_WIDGET,
    )
    _step("Next chapter", ":material/chevron_right:", place + 1)


def _step(title: str, icon: str, place: int) -> None:
    there = 0 <= place < len(link.CHAPTERS)
    st.button(
        title,
        icon=icon,
        disabled=not there,
        on_click=_go,
        args=(link.CHAPTERS[place] if there else "",),
        key=f"learn-{title.partition(' ')[0].lower()}",
    )


def _go(name: str) -> None:
    st.session_state[_WIDGET] = name
