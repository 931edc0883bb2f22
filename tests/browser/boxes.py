"""What a page's boxes say of its layout: text that is cut or overlaps, a page that scrolls sideways, small controls.

Boxes are measured in the browser, also inside the shadow trees of our components. Axe (axe-core, by Deque) looks at the
same page for what a screen reader or weak sight would stumble over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Least width and height of a control for a finger, CSS pixels.
FINGER = 44
#: Windows up to this width are touched.
TOUCHED = 899

LOOK = Path(__file__).with_name("boxes.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: of which kind, and where."""

    kind: str
    where: str


def look(page: Any, width: int) -> list[Finding]:
    """All that is wrong in the window as it is."""
    found = page.evaluate(LOOK, [FINGER if width <= TOUCHED else 0])
    found["failed"] = page.get_by_text("Something went wrong in this part of the page").all_inner_texts()
    return [Finding(kind, where) for kind, wheres in found.items() for where in wheres]


def axe(page: Any) -> list[Finding]:
    """Serious and critical violations, by axe."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"resultTypes": ["violations"]}
    results = Axe().run(page, options=options).response["violations"]
    return [
        Finding(f"{one['impact']} {one['id']}", f"{node['target']} {node['html'][:120]} {_why(node)}")
        for one in results
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return str(checks[0]["message"])[:200] if checks else ""
