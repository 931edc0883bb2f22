"""Every module that draws a chart or images has them saved, or is named here with the reason why not."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.saved_tables import says_its_unit

ROOT = Path(__file__).resolve().parents[2]

#: What makes something to look at.
_DRAWS = re.compile(r'element\("(?:canvas|img)"|createElement\("canvas"\)|Plotly\.react\(|createElementNS\(')
_SAVES = re.compile(r"\b(?:saveMenu|gridMenu|plotlyMenu)\(")
_HTML = re.compile(r"<(?:img|svg|canvas)\s|st\.image\(")

#: Modules that draw what another module saves.
SAVED_BY = {
    "vae/browser/map/scene.js": "vae/browser/map/map_view.js",
    "vae/browser/map/layers.js": "vae/browser/map/map_view.js",
    "vae/browser/sliders/dimension_row.js": "vae/browser/sliders/sliders.js",
    "vae/browser/pipeline/parts.js": "vae/browser/pipeline/pipeline.js",
    "vae/browser/pipeline/saved_pass.js": "vae/browser/pipeline/pipeline.js",
    "dashboard/views/evaluate/exact_posterior/plot.js": "dashboard/views/evaluate/exact_posterior/exact_posterior.js",
    "dashboard/views/collapse/diagnosis/information.js": "dashboard/views/collapse/diagnosis/charts.js",
    "dashboard/views/generate/images.py": "dashboard/views/generate/follow_time/follow_time.js",
}
#: Modules whose images are no result: why they are not saved.
NOT_SAVED = {
    "vae/browser/lib/saving.js": "makes the files",
    "vae/browser/lib/image_grid.js": "makes the files",
    "vae/browser/test_images/gallery.js": "images of the dataset to choose from",
    "vae/browser/time_machine/time_machine.js": "ticks of the rail; the strip that it opens is saved",
    "vae/browser/curves/curves.js": "curves in a cell of a notebook; those of the Train page are saved",
    "vae/browser/drawing_pad/pad.js": "what the person draws; the link keeps it",
    "dashboard/views/explore/paths/stops.js": "handles of a path, which is saved itself",
    "vae/browser/image_source/picture_body.js": "the person's own file",
    "vae/browser/lesson_rail/step_words.js": "formulas of a text",
    "dashboard/views/evaluate/exact_posterior/inset.js": "a pointer into the map, which is saved on its page",
    "dashboard/views/learn/thumbs/thumbs.js": "images of the dataset to choose from",
    "dashboard/views/styleguide/parts/parts.js": "examples of parts, for contributors",
    "dashboard/views/styleguide/page.py": "examples of colours, for contributors",
    "dashboard/shell/data_preview.py": "the person's own files",
    "dashboard/views/generate/parts.py": "what the person drew on Explore",
    "dashboard/link/drawing.py": "what the person drew",
}


#: Not our modules: packages, what a build has brought, and files that are shipped as they are.
_OTHERS = re.compile(r"(^|/)(node_modules|dist|assets)/")


def _modules() -> dict[str, str]:
    found = {}
    for folder in ("vae/browser", "dashboard"):
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".js", ".py") and not _OTHERS.search(name):
                found[name] = path.read_text(encoding="utf-8")
    return found


def test_every_chart_and_grid_of_images_can_be_saved() -> None:
    modules = _modules()
    draws = {
        name for name, text in modules.items() if (_DRAWS if name.endswith(".js") else _HTML).search(text)
    }
    saves = {name for name, text in modules.items() if _SAVES.search(text)}
    assert len(draws) > 25 and len(saves) > 15
    unsaved = {name for name in draws - saves if name not in SAVED_BY and name not in NOT_SAVED}
    assert not unsaved, f"give these a saveMenu, or say above why not: {sorted(unsaved)}"
    assert {SAVED_BY[name] for name in draws & set(SAVED_BY)} <= saves
    gone = {name for name in (*SAVED_BY, *NOT_SAVED) if name not in modules}
    assert not gone, f"these are no modules any more: {sorted(gone)}"
    needless = {name for name in NOT_SAVED if name in saves and "makes the files" not in NOT_SAVED[name]}
    assert not needless, f"these are saved by now: {sorted(needless)}"


def test_every_table_that_is_saved_says_its_units() -> None:
    """A header of numbers names a unit in brackets, or is one of those that count."""
    headers = re.compile(r"columns: \[((?:\"[^\"]*\"(?:, )?)+)")
    seen = 0
    for name, text in _modules().items():
        if not name.endswith(".js") or not _SAVES.search(text):
            continue
        for listed in headers.findall(text):
            for header in re.findall(r'"([^"]*)"', listed):
                seen += 1
                assert says_its_unit(header), (name, header)
    assert seen > 15
