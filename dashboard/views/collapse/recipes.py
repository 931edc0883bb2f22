"""The gallery of recipes, one for each kind of collapse, and the remedies of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.link import session
from dashboard.look.markdown import plain
from dashboard.views.collapse import link, recipe_runs
from vae.config.checks import warnings
from vae.diagnostics.findings import Name
from vae.errors import UserError
from vae.experiments.failure_modes import RECIPES
from vae.experiments.remedies import mends
from vae.runs.beta_history import config_as_left
from vae.runs.run import Run
from vae.storage.atomic import disk_sentence

_COLUMNS = 3
#: What a recipe is to show, in words.
VERDICTS = {
    "healthy": "healthy",
    "spare-dimensions": "spare dimensions",
    "over-regularised": "β is too high",
    "early-collapse": "collapsed at the start",
    "decoder-ignores-z": "the decoder ignores z",
    "condition-ignored": "the condition is ignored",
    "wrong-scale": "a mean where a sum belongs",
    "wrong-sigma": "σ is wrong",
    "variance-blown-up": "z has left the prior",
}


def gallery() -> None:
    """Draw the recipes; one click makes the run and shows it live."""
    st.markdown(
        "Each recipe trains a small model on the built-in digits and shows one kind of collapse. Then try a remedy "
        "from the same seed and see both side by side."
    )
    recipes = list(RECIPES.values())
    for start in range(0, len(recipes), _COLUMNS):
        columns = st.columns(_COLUMNS, gap="small")
        for column, recipe in zip(columns, recipes[start : start + _COLUMNS], strict=False):
            card = column.container(border=True, height="stretch", vertical_alignment="distribute")
            with card.container():
                st.markdown(f"**{plain(recipe.title)}**")
                st.markdown(plain(recipe.words))
            with card.container():
                num = recipe.config.train.epochs
                st.caption(f"Expect: {VERDICTS[recipe.verdict]}  \n{num} epochs, well under a minute")
                st.button(
                    "Train it",
                    icon=":material/play_arrow:",
                    key=f"recipe:{recipe.name}",
                    width="stretch",
                    on_click=_show,
                    args=(partial(recipe_runs.begin, recipe),),
                )


def cures(run: Run, verdict: Name | None = None) -> None:
    """Draw what can be tried on a run; one click trains it again and shows both side by side.

    Args:
        run: The run.
        verdict: What was found of it, if that is known: its cures come first, and are marked as such.
    """
    found, of_recipe = recipe_runs.cures_of(run, verdict), bool(recipe_runs.own_cures(run))
    if not found:
        return
    title = "Remedies for this recipe" if of_recipe else "Try again with one change"
    words = (
        "same seed, one setting changed, both shown side by side"
        if of_recipe
        else "same seed, both shown side by side"
    )
    if (now := config_as_left(run)) != run.config:
        words += f"; with β = {now.objective.beta:g}, as it was left, from the start"
    if not of_recipe and any(mends(cure, verdict) for cure in found):
        words += "; remedies for this verdict come first"
    with st.container(key="remedies", gap="small"):
        st.markdown(f"**{title}** · {words}")
        with st.container(horizontal=True, gap="small"):
            for cure in found:
                st.button(
                    plain(cure.title),
                    icon=":material/healing:" if of_recipe or mends(cure, verdict) else ":material/replay:",
                    key=f"cure:{run.id}:{cure.name}",
                    help=plain(cure.words),
                    on_click=_show,
                    args=(partial(recipe_runs.rerun, run, cure), run),
                )


def _show(make: Callable[[], Run], before: Run | None = None) -> None:
    """Make a run and go to it, with the one before it beside it; or tell why it cannot be made."""
    try:
        run = make()
    except UserError as error:
        session.notice(str(error))
        return
    except OSError as error:
        session.notice(disk_sentence(error))
        return
    for warning in warnings(run.config):
        session.notice(warning)
    session.choose_run(run.id)
    session.keep(link.BEFORE, None if before is None else before.id)
    session.forget(link.TAB)
    st.session_state.pop(link.TAB_WIDGET, None)
