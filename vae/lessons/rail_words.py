"""The words of the rail itself, in the languages that lessons are written in; English where there are none."""

from __future__ import annotations

_ENGLISH = {
    "step": "Step {step} of {steps}",
    "previous": "Previous",
    "next": "Next",
    "skip": "Skip",
    "leave": "Leave the lesson",
    "fold": "Fold",
    "unfold": "Unfold",
    "open": "Open {page}",
    "again": "Set this step up again",
    "hint": "Hint",
    "predict": "Your prediction",
    "commit": "Commit",
    "first": "Commit first: what happens before does not count.",
    "covered": "Shown once you have committed your prediction.",
    "waiting": "Waiting until you have done it.",
    "done": "Done.",
    "press": "Press Next when you have looked.",
    "predicted": "You predicted: {predicted}",
    "came": "It came out: {came}",
    "other": "none of these",
    "right": "Right",
    "wrong": "Not as predicted",
    "finished": "You have finished this lesson.",
    "csv": "Answers as CSV",
    "kept": "Answers stay in this browser.",
}
_GERMAN = {
    "step": "Schritt {step} von {steps}",
    "previous": "Zurück",
    "next": "Weiter",
    "skip": "Überspringen",
    "leave": "Lektion verlassen",
    "fold": "Einklappen",
    "unfold": "Ausklappen",
    "open": "{page} öffnen",
    "again": "Diesen Schritt neu einrichten",
    "hint": "Hinweis",
    "predict": "Deine Vorhersage",
    "commit": "Festlegen",
    "first": "Erst festlegen: was vorher geschieht, zählt nicht.",
    "covered": "Zu sehen, sobald du deine Vorhersage festgelegt hast.",
    "waiting": "Wartet, bis du es getan hast.",
    "done": "Erledigt.",
    "press": "Drücke Weiter, wenn du es angesehen hast.",
    "predicted": "Deine Vorhersage: {predicted}",
    "came": "Es kam heraus: {came}",
    "other": "nichts davon",
    "right": "Richtig",
    "wrong": "Nicht wie vorhergesagt",
    "finished": "Du hast diese Lektion beendet.",
    "csv": "Antworten als CSV",
    "kept": "Antworten bleiben in diesem Browser.",
}
_LANGUAGES = {"": _ENGLISH, "en": _ENGLISH, "de": _GERMAN}


def of(language: str) -> dict[str, str]:
    """The words by their names."""
    return _LANGUAGES.get(language, _ENGLISH)
