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
    "unmet": "Still to do:",
    "waiting": "Waiting for the result.",
    "now": "now {value}",
    "and": "and",
    "or": "or",
    "not": "not",
    "done": "Done.",
    "press": "Press Next when you have looked.",
    "predicted": "You predicted: {predicted}",
    "came": "It came out: {came}",
    "other": "none of these",
    "right": "Right",
    "wrong": "Not as predicted",
    "finished": "You have finished this lesson.",
    "follow": "Next lesson: {title}",
    "marked_done": "✓ done",
    "marked_part": "{done} of {steps} steps done",
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
    "unmet": "Noch zu tun:",
    "waiting": "Das Ergebnis steht noch aus.",
    "now": "jetzt {value}",
    "and": "und",
    "or": "oder",
    "not": "nicht",
    "done": "Erledigt.",
    "press": "Drücke Weiter, wenn du es angesehen hast.",
    "predicted": "Deine Vorhersage: {predicted}",
    "came": "Es kam heraus: {came}",
    "other": "nichts davon",
    "right": "Richtig",
    "wrong": "Nicht wie vorhergesagt",
    "finished": "Du hast diese Lektion beendet.",
    "follow": "Nächste Lektion: {title}",
    "marked_done": "✓ erledigt",
    "marked_part": "{done} von {steps} Schritten erledigt",
    "csv": "Antworten als CSV",
    "kept": "Antworten bleiben in diesem Browser.",
}
#: What a condition looks up, as the rail says it: English, German.
_NAMES = {
    "kl": ("KL", "KL"),
    "reconstruction": ("reconstruction", "Rekonstruktion"),
    "elbo": ("ELBO", "ELBO"),
    "beta": ("β", "β"),
    "epoch": ("epochs trained", "trainierte Epochen"),
    "epochs": ("epochs of the run", "Epochen des Laufs"),
    "step": ("steps trained", "trainierte Schritte"),
    "active_units": ("active dimensions", "aktive Dimensionen"),
    "latent_dim": ("latent dimensions", "latente Dimensionen"),
    "num_runs": ("runs of your own", "eigene Läufe"),
    "num_classes": ("classes", "Klassen"),
    "epochs_since": ("epochs since β was changed", "Epochen seit der Änderung von β"),
    "radius": ("distance of the point from 0", "Abstand des Punktes von 0"),
    "nearest": ("distance from the nearest point", "Abstand vom nächsten Punkt"),
    "image_reconstruction": ("reconstruction of the image", "Rekonstruktion des Bildes"),
    "image_kl": ("KL of the image", "KL des Bildes"),
    "image_sigma": ("smallest σ of the image", "kleinstes σ des Bildes"),
    "slider_kl": ("KL of the two sliders", "KL der beiden Regler"),
    "gap": ("KL(q(z|x) ‖ p(z|x))", "KL(q(z|x) ‖ p(z|x))"),
    "variance_ratio": ("ratio of the variances", "Verhältnis der Varianzen"),
    "prior_gap": ("KL(prior ‖ aggregate posterior)", "KL(Prior ‖ aggregierter Posterior)"),
    "class_cost": ("cost of leaving the class out", "Kosten ohne die Klasse"),
    "state": ("state of the run", "Zustand des Laufs"),
    "verdict": ("verdict", "Urteil"),
    "page": ("page", "Seite"),
    "likelihood": ("likelihood", "Likelihood"),
    "network": ("network", "Netz"),
    "data": ("data", "Daten"),
    "run": ("run", "Lauf"),
    "pass": ("parts that are on", "eingeschaltete Teile"),
    "conditional": ("a conditional run", "ein bedingter Lauf"),
    "has_snapshots": ("a run with snapshots", "ein Lauf mit Momentaufnahmen"),
    "has_images": ("the run's images on this machine", "die Bilder des Laufs auf diesem Rechner"),
    "training": ("a run that trains now", "ein Lauf, der gerade trainiert"),
}
#: What can happen, as something to do.
_HAPPENS = {
    "point moved": ("move the point", "den Punkt bewegen"),
    "image chosen": ("choose another image", "ein anderes Bild wählen"),
    "image drawn": ("draw an image", "ein Bild zeichnen"),
    "class chosen": ("choose another class", "eine andere Klasse wählen"),
    "beta changed": ("change β", "β ändern"),
    "training started": ("start a run", "einen Lauf starten"),
    "training paused": ("pause the run", "den Lauf anhalten"),
    "samples drawn": ("sample again", "neue Bilder ziehen"),
    "remedy tried": ("try a remedy", "ein Mittel ausprobieren"),
    "run chosen": ("choose another run", "einen anderen Lauf wählen"),
    "time moved": ("move the time machine", "die Zeitmaschine bewegen"),
    "chapter opened": ("open another chapter", "ein anderes Kapitel öffnen"),
    "image_reconstruction changed": (
        "change the reconstruction of the image",
        "die Rekonstruktion des Bildes ändern",
    ),
    "image_kl changed": ("change the KL of the image", "die KL des Bildes ändern"),
}
_NATS = (
    "kl", "reconstruction", "elbo", "image_reconstruction", "image_kl", "slider_kl", "gap", "prior_gap", "class_cost",
)  # fmt: skip


def _with_names(words: dict[str, str], place: int) -> dict[str, str]:
    names = {f"name:{name}": texts[place] for name, texts in _NAMES.items()}
    happens = {f"happens:{name}": texts[place] for name, texts in _HAPPENS.items()}
    return {**words, **names, **happens, **{f"unit:{name}": "nats" for name in _NATS}}


_LANGUAGES = {"de": _with_names(_GERMAN, 1)} | dict.fromkeys(("", "en"), _with_names(_ENGLISH, 0))


def of(language: str) -> dict[str, str]:
    """The words by their names; what conditions look up by `name:`, `unit:` and `happens:` before it."""
    return _LANGUAGES.get(language, _LANGUAGES[""])
