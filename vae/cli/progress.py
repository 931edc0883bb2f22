"""A progress bar for the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from vae.errors import printable

if TYPE_CHECKING:
    from vae.training.run_log import Report


class Bar:
    """A bar on standard error, shown when there is something to show and a terminal to show it on."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def at(self, done: float, total: float, unit: str, words: str = "") -> None:
        """Move to `done` of `total`, with some words behind."""
        if not sys.stderr.isatty():
            return
        from tqdm import tqdm

        unit, words = printable(unit), printable(words)
        if self._bar is None or (self._bar.total, self._bar.unit) != (total, unit):
            self.__exit__()
            form = "{l_bar}{bar}| {n:.4g}/{total:.4g} {unit} [{elapsed}<{remaining}{postfix}]"
            self._bar = tqdm(total=total, unit=unit, bar_format=form, initial=done)
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update(done - self._bar.n)

    def file(self, name: str, done: int, total: int) -> None:
        """Show a download, or the reading of many files."""
        self.at(done, total, name)

    def report(self, report: Report, epochs: int) -> None:
        """Show where training is."""
        if report.kind == "train":
            line = report.line
            words = f"reconstruction {line['distortion']:.1f}, KL {line['rate']:.2f}, β {line['beta']:g}"
            self.at(line["epoch"], epochs, "epoch", words)
