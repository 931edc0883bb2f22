"""What a link says of the Collapse page: its open part, threshold, heat map, run before the remedy, question on β."""

from __future__ import annotations

from dashboard.link.keys import Key, choice, number
from dashboard.views.collapse import beta_question_text
from vae.runs.naming import is_id

#: The Collapse page: the part that is open, the variance above which a dimension is active, what the heat map shows,
#: the run that stands before the cured one, and the question about units.
TAB = choice("tab", ("run", "recipes", "units"))
TAB_WIDGET = "collapse-tab"
THRESHOLDS = 1e-6, 10.0
THRESHOLD = number("threshold", *THRESHOLDS)
HEAT = choice("heat", ("rate", "sigma", "variance"))
UNITS = Key("units", beta_question_text.parse, beta_question_text.RULE, beta_question_text.write)


def _run_id(text: str) -> str:
    if not is_id(text):
        raise ValueError
    return text


BEFORE = Key("before", _run_id, "the id of a run")
