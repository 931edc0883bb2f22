"""What moves by script: a loop of frames begins with a press, ends by itself, or heeds who asked for little motion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in ("vae/browser", "dashboard")
    for path in sorted((ROOT / folder).rglob("*.js"))
    if "/runtime/" not in path.as_posix() and "node_modules" not in path.parts
}
#: Modules that ask for frames, and why that moves nothing by itself.
FRAMES = {
    # One frame, in which is drawn what has changed.
    "dashboard/views/collapse/diagnosis/diagnosis.js": "once",
    "dashboard/views/train/curves/curves.js": "once",
    "vae/browser/curves/curves.js": "once",
    "vae/browser/map/ranges.js": "once",
    "vae/browser/map/scene.js": "once",
    "vae/browser/site/site.js": "once",
    # A person has pressed play, and presses pause.
    "dashboard/views/compare/side_by_side/scrubber.js": "pressed",
    "dashboard/views/explore/paths/paths.js": "pressed",
    "vae/browser/time_machine/time_machine.js": "pressed",
    # Glides, unless little motion is asked for.
    "dashboard/views/train/probe_map/probe_map.js": "still",
}


def test_who_asks_for_frames_is_known_for_what_it_does_with_them() -> None:
    asks = {path for path, text in MODULES.items() if "requestAnimationFrame" in text}
    assert asks == set(FRAMES), (
        "say in FRAMES what the frames are for, and heed isStill() if things move by themselves"
    )


@pytest.mark.parametrize(
    "path", [*(path for path, why in FRAMES.items() if why == "still"), "vae/browser/map/motion.js"]
)
def test_what_glides_asks_whether_it_may(path: str) -> None:
    assert re.search(r"import \{ isStill \} from .*/still\.js", MODULES[path])
    assert "isStill()" in MODULES[path].replace("import { isStill }", "")


@pytest.mark.parametrize("path", [path for path, why in FRAMES.items() if why == "pressed"])
def test_what_plays_can_be_paused(path: str) -> None:
    assert "cancelAnimationFrame" in MODULES[path] and re.search(r"[Pp]ause", MODULES[path])


def test_nothing_scrolls_smoothly_or_asks_for_motion_by_another_way() -> None:
    for path, text in MODULES.items():
        for line in text.splitlines():
            if '"smooth"' in line:
                assert "isStill()" in line, f"{path}: {line}"
            assert ".animate(" not in line, f"{path}: {line}"
        assert "prefers-reduced-motion" not in text or path == "vae/browser/lib/still.js", path


def test_the_style_sheets_end_motion_for_pseudo_elements_too() -> None:
    for sheet, who in (("vae/browser/lib/tokens.css", ".ll *"), ("dashboard/look/streamlit.css", "*")):
        text = (ROOT / sheet).read_text(encoding="utf-8")
        rule = text.split("@media (prefers-reduced-motion: reduce) {")[1].split("}")[0]
        for part in (who, f"{who}::before", f"{who}::after"):
            assert re.search(rf"(^|[\s,]){re.escape(part)}[,\s]", rule), f"{sheet}: {part}"
