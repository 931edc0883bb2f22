"""What the user's own measurements say of a run: they are registered in `vae.config.registries.MEASUREMENTS`."""

from __future__ import annotations

import streamlit as st

from dashboard.cache import diagnoses
from dashboard.cache.models import At
from dashboard.look.markdown import plain
from vae.config.registries import MEASUREMENTS
from vae.errors import UserError
from vae.runs.run import Run
from vae.runtime.number_format import readable

#: Numbers that stand in a row.
_ROW = 4


def section(run: Run, at: At) -> None:
    """Draw them, if there are any.

    Args:
        run: The run.
        at: Which of its weights.
    """
    if not MEASUREMENTS.names:
        return
    st.markdown("**Your measurements**")
    try:
        found = diagnoses.diagnosis(run, at).measurements
    except UserError as error:
        st.caption(plain(f"Your measurements need a full diagnosis: {error}"))
        return
    numbers = [(measured, measured.value) for measured in found if measured.value is not None]
    for start in range(0, len(numbers), _ROW):
        for column, (measured, value) in zip(st.columns(_ROW), numbers[start : start + _ROW], strict=False):
            title = f"{measured.title}, {measured.unit}" if measured.unit else measured.title
            column.metric(plain(title), readable(value))
    by_dimension = {measured.title: measured.per_dim for measured, _ in numbers if measured.per_dim}
    if by_dimension:
        names = [f"z{number}" for number in range(1, run.config.model.latent_dim + 1)]
        st.dataframe({"Dimension": names, **by_dimension}, hide_index=True, key="collapse-own")
    for measured in found:
        if measured.value is None:
            st.caption(plain(measured.line()))
