"""The explorer in a notebook's cell: an anywidget of the browser library's own modules.

`show` (`vae.show`, `Run.show`) makes an `Explorer` of a run or of a model and images. `sources` answers what the page
asks for, `states` says what each part of it shows, `follow` tells it what a trainer writes, `picture` draws what a
saved notebook keeps. anywidget is an optional dependency, imported when a widget is made.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"show": ["show"]})
