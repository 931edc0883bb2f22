"""The widget: a value that both sides read and write, and messages that answer what the page asks for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
from functools import cache
from typing import Any

import anywidget
import traitlets

from vae import browser
from vae.browser import bundle
from vae.errors import UserError
from vae.notebook.follow import Follower
from vae.notebook.picture import png
from vae.notebook.sources import Source, shown
from vae.notebook.states import MAX_COORDINATE, states

#: The module that draws in a cell, and those that it imports.
#: Images that a selection has, at most.
MOST_SELECTED = 1_000_000
_ENTRY = "notebook/explorer.js"
_IMPORT = 'import { link } from "../lib/link.js"\n'


def _esm() -> str:
    """What anywidget hands to the page: the loader, with the linker that it imports in the place of the import."""
    files = browser.files()
    loader = files[bundle.LOADER].read_text("utf-8")
    assert loader.count(_IMPORT) == 1, f"{bundle.LOADER} must import {bundle.LINKER} by that very line"
    return files[bundle.LINKER].read_text("utf-8") + loader.replace(_IMPORT, "")


@cache
def library() -> bytes:
    """All that is linked in the page, modules and styles, as gzipped JSON."""
    found = {"modules": bundle.modules([_ENTRY]), "styles": bundle.styles(), "entry": _ENTRY}
    return gzip.compress(json.dumps(found).encode(), mtime=0)


@cache
def runtime() -> tuple[list[str], list[bytes]]:
    """Names and gzipped contents of onnxruntime-web's files.

    Raises:
        UserError: If the installation has none.
    """
    found = browser.runtime_files()
    if not found:
        raise UserError(
            "onnxruntime-web is not in this installation, so that nothing is decoded here; install it again"
        )
    return list(found), [gzip.compress(path.read_bytes(), 6, mtime=0) for path in found.values()]


class Explorer(anywidget.AnyWidget):
    """Sliders, image, map and curves of a run or a model.

    Attributes:
        value: ``{"point": [z₁, …], "class": number or None, "selection": [index, …]}``: the latent point, the class of
            a conditional model, and the images selected on the map by their places in the data set. It changes when
            the person lets go of a slider, clicks the map or closes a lasso; ``observe`` hears of it. Setting it moves
            the page; what is left out stays as it is.

    Args:
        source: What is shown.
        parts: Which parts, of `vae.notebook.states.PARTS`.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    value = traitlets.Dict().tag(sync=True)
    _told = traitlets.Dict().tag(sync=True)
    _library = traitlets.Unicode().tag(sync=True)
    #: What `_repr_mimebundle_` keeps, base 64: a page shows it until the kernel answers, and where none does.
    _picture = traitlets.Unicode("").tag(sync=True)

    def __init__(self, source: Source, parts: tuple[str, ...]) -> None:
        self._source, self._parts = source, parts
        value = {"point": [0.0] * source.config.latent_dim, "class": self._first_class, "selection": []}
        super().__init__(
            _esm=_esm(),
            value=value,
            _told=states(source, parts),
            _library=hashlib.sha256(library()).hexdigest()[:16],
        )
        self.on_msg(self._hear)
        self._follower = (
            None if source.run is None else Follower(source.run, self._tell, self._weights_changed)
        )
        if self._follower is not None:
            self._follower.start()

    @property
    def _first_class(self) -> int | None:
        return 0 if self._source.config.conditional else None

    @traitlets.validate("value")
    def _check(self, proposal: Any) -> dict[str, Any]:
        """The value whole and checked, whoever sets it.

        Raises:
            UserError: If a point has another number of coordinates, or a class or an image is not there.
        """
        told, config = proposal["value"], self._source.config
        if strange := [name for name in told if name not in ("point", "class", "selection")]:
            raise UserError(
                f"value must have point, class and selection, got {shown(strange[0])}; leave it out"
            )
        before = self.value or {
            "point": [0.0] * config.latent_dim,
            "class": self._first_class,
            "selection": [],
        }
        point = _numbers(told.get("point", before["point"]))
        if point is None or len(point) != config.latent_dim:
            raise UserError(
                f"value['point'] must be {config.latent_dim} numbers from −{MAX_COORDINATE:g} to {MAX_COORDINATE:g}, "
                f"got {shown(told.get('point'), 60)}; the prior's mean is {[0.0] * min(3, config.latent_dim)}"
            )
        label = told.get("class", before["class"])
        if not config.conditional:
            label = None
        elif not _is_whole(label, self._source.info.num_classes):
            raise UserError(
                f"value['class'] must be a class from 0 to {self._source.info.num_classes - 1}, got {shown(label)}; "
                "use 0"
            )
        selection = _listed(told.get("selection", before["selection"]))
        most = 2**31
        if selection is None or not all(_is_whole(index, most) for index in selection):
            got = shown(told["selection"], 60)
            raise UserError(f"value['selection'] must be a list of places in the dataset, got {got}; use []")
        return {
            "point": point,
            "class": None if label is None else int(label),
            "selection": [int(index) for index in selection],
        }

    # What the page asks for ------------------------------------------------------------------------------------------

    def _hear(self, _: Any, content: Any, buffers: Any = None) -> None:
        """Answer a message; whatever happens, there is an answer."""
        if not isinstance(content, dict):
            return
        kind, number = content.get("kind"), content.get("id")
        try:
            match kind:
                case "library":
                    self._answer(number, [library()])
                case "runtime":
                    names, contents = runtime()
                    self._answer(number, contents, names=names)
                case "get":
                    query = content.get("query")
                    path = content.get("path")
                    if not isinstance(path, str):
                        raise UserError(f"path must be text, got {shown(path)}; use latent")
                    self._answer(
                        number, [self._source.answer(path, query if isinstance(query, dict) else {})]
                    )
                case "listen" if self._follower is not None:
                    self._follower.again()
        except UserError as error:
            self.send({"kind": "refusal", "id": number, "error": str(error)})
        except Exception as error:  # the page would wait for ever
            self.send(
                {
                    "kind": "refusal",
                    "id": number,
                    "error": f"This failed in the kernel: {type(error).__name__}.",
                }
            )
            raise

    def _answer(self, number: object, contents: list[bytes], **fields: Any) -> None:
        self.send({"kind": "answer", "id": number, **fields}, buffers=contents)

    def _tell(self, content: dict[str, Any]) -> None:
        # marimo closes what a cell made when it runs again, and tells nobody.
        if self.comm is None or getattr(self.comm, "_closed", False):
            assert self._follower is not None
            self._follower.stop()
        else:
            self.send(content)

    def _weights_changed(self) -> None:
        """The training has ended, or has its first weights: the parts are told what these are."""
        self._told = states(self._source, self._parts)
        if self._picture:
            self._picture = self._drawn()

    # What a notebook keeps -------------------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and a picture for where no widgets run: a saved notebook, GitHub, a printed page."""
        found: Any = super()._repr_mimebundle_(**options)
        data, metadata = found if isinstance(found, tuple) else (found or {}, {})
        if not self._picture:
            self._picture = self._drawn()
        words = f"Explorer of {self._source.title}"
        return {**data, "image/png": self._picture, "text/plain": words}, metadata

    def _drawn(self) -> str:
        return base64.b64encode(png(self._source, self._parts)).decode()

    def close(self) -> None:
        """Stop listening, and leave the page."""
        if getattr(self, "_follower", None) is not None:
            self._follower.stop()  # type: ignore[union-attr]
        super().close()


def _listed(values: Any) -> list[Any] | None:
    """A list of what lies in a row: list, tuple, range, array or tensor, on whatever device; None for anything else."""
    try:
        if hasattr(values, "detach"):  # a tensor, maybe on a GPU and with a gradient
            values = values.detach().cpu()
        if not isinstance(values, list | tuple | range):
            values = values.tolist() if math.prod(values.shape) <= MOST_SELECTED else None
        is_list = isinstance(values, list | tuple | range) and len(values) <= MOST_SELECTED
        return list(values) if is_list else None
    except Exception:  # whatever somebody's class does
        return None


def _numbers(values: Any) -> list[float] | None:
    """Finite real numbers within the bound; None if there is anything else: a word or a yes is no coordinate."""
    listed = _listed(values)
    if listed is None or any(isinstance(value, str | bytes | bool | complex) for value in listed):
        return None
    try:
        found = [float(value.detach() if hasattr(value, "detach") else value) for value in listed]
    except Exception:  # too large for a float, or somebody's class
        return None
    return found if all(math.isfinite(value) and abs(value) <= MAX_COORDINATE for value in found) else None


def _is_whole(value: Any, most: int) -> bool:
    try:
        return not isinstance(value, bool) and int(value) == value and 0 <= value < most
    except Exception:  # infinity, several numbers at once, somebody's class
        return False
