"""The explorer's modules as texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vae import browser
from vae.browser import bundle


def test_every_module_comes_once_after_what_it_imports_and_unchanged_but_for_addresses() -> None:
    ordered = bundle.modules()
    paths = [path for path, _ in ordered]
    assert sorted(paths) == sorted(
        path for path in browser.files() if path.endswith(".js") and path not in bundle.UNLINKED
    )
    assert len(set(paths)) == len(paths)
    for place, (path, text) in enumerate(ordered):
        imported = re.findall(r'"latent-lab:([^/][^"]*)"', text)
        assert set(imported) <= set(paths[:place]), path
        assert "import.meta" not in text
        # Put back, it is the file.
        file = browser.FOLDER / path
        body = text.removesuffix(f"\n//# sourceURL=latent-lab:///{path}\n")
        body = re.sub(r'"latent-lab:(?!///)[^"]+"', '"…"', body)
        body = body.replace(f'"latent-lab:///{path}"', "import.meta.url")
        want = re.sub(
            r'^((?:import|export)[^"\'();]*?)"\.[^"]+"', r'\1"…"', file.read_text("utf-8"), flags=re.M
        )
        assert body == want


def test_an_entry_brings_what_it_imports_and_no_more() -> None:
    few = [path for path, _ in bundle.modules(["image/image.js"])]
    assert few[-1] == "image/image.js"
    assert "lib/store.js" in few and "map/map.js" not in few


def test_styles_need_no_other_file() -> None:
    sheets = bundle.styles()
    assert {"lib/tokens.css", "map/map.css"} <= set(sheets)
    for text in sheets.values():
        assert "@import" not in text and "url(" not in text


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"a.js": 'import { b } from "./b.js"\n', "b.js": 'import { a } from "./a.js"\n'}, "in a circle"),
        ({"a.js": 'import "./gone.js"\n'}, "x/gone.js, which is not in"),
        ({"a.js": 'export { c } from "../../elsewhere.js"\n'}, "../elsewhere.js, which is not in"),
        ({"a.js": 'const late = () => import("./b.js")\n', "b.js": ""}, "by a string from its head"),
        ({"a.js": "import { b } from './b.js'\n", "b.js": ""}, "by a string from its head"),
    ],
)
def test_what_cannot_be_linked_is_refused(
    texts: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").mkdir()
    for name, text in texts.items():
        (tmp_path / "x" / name).write_text(text)
    monkeypatch.setattr(browser, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=re.escape(words)):
        bundle.modules()


def test_imports_over_several_lines_and_in_words_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "b.js").write_text("export const b = 1\n")
    (tmp_path / "x" / "a.js").write_text(
        '/** See `import("./types")` and from "./b.js". */\nimport {\n  b,\n} from "./b.js"\n'
        'export const words = "from ./b.js"\n'
    )
    monkeypatch.setattr(browser, "FOLDER", tmp_path)
    (_, (path, text)) = bundle.modules()
    assert path == "x/a.js"
    assert '} from "latent-lab:x/b.js"' in text
    assert 'import("./types")' in text and 'words = "from ./b.js"' in text
