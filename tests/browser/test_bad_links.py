"""Links and runs that are wrong: one sentence, and the rest works. Names that look like HTML are shown as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig
from vae.runs.run import Run

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App

NAME = "<img src=x onerror=alert(1)> **b** ![p](http://elsewhere.example/p.png)"
CLASSES = ["<img src=x onerror=alert(2)>", "**bold** :red[red] $x^2$", "<script>alert(3)</script> `code`"]

#: What of the page somebody else's words have made: in the document and in all shadow trees.
MADE = """() => {
  const found = []
  const walk = (tree) => {
    for (const node of tree.querySelectorAll("*")) {
      if (node.shadowRoot) walk(node.shadowRoot)
      const source = node.getAttribute("src") ?? ""
      const text = node.textContent.trim()
      const marked = node.matches("strong, b, .katex, [style*='color']") && /^(b|bold|red|x2?)$/.test(text)
      const code = node.matches("script") && node.textContent.includes("alert")
      const picture = source === "x" || source.includes("elsewhere.example") || node.hasAttribute("onerror")
      if (marked || code || picture) found.push(node.outerHTML)
    }
  }
  walk(document)
  return found
}"""


@pytest.fixture(scope="module")
def broken(server: Server, shelf: Shelf) -> Iterator[None]:
    """A run whose configuration is no JSON, and one of a newer version."""
    run = shelf.put("digits", server, "bad-config")
    (run.path / "config.json").write_text('{"format": 1, "config": {"data": ')
    run = shelf.put("digits", server, "bad-newer")
    values = json.loads((run.path / "config.json").read_text())
    (run.path / "config.json").write_text(json.dumps({**values, "format": 99}))
    run = shelf.put("digits", server, "bad-weights")
    weights = run.path / "checkpoints" / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    # The newest run is the one that is shown instead of those that cannot be.
    run = shelf.put("digits-conditional", server, "bad-not")
    values = json.loads((run.path / "config.json").read_text())
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    (run.path / "config.json").write_text(json.dumps({**values, "created": now}))
    yield


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("../../etc/passwd", "Run '../../etc/passwd' was not found"),
        pytest.param("bad-config", "config.json", marks=pytest.mark.thorough),
        pytest.param("bad-newer", "was written by a newer version", marks=pytest.mark.thorough),
    ],
)
def test_link_to_a_run_that_cannot_be_shown_says_so_and_shows_another(
    app: App, broken: None, run: str, words: str
) -> None:
    app.open("explore", "image", "sliders", run=run)
    app.idle()
    (sentence,) = app.alerts()
    assert words in sentence
    assert "Traceback" not in app.page.content()
    assert app.query()["run"] not in (run, "")
    app.click("Generate")
    app.page.locator(".ll-gallery img").first.wait_for()
    app.until(lambda: app.alerts() == [], "it is told again on the next page")


def test_damaged_weights_are_told_in_one_sentence_on_every_page(app: App, broken: None) -> None:
    app.expect_error("404 .*/api/runs/bad-weights/")
    app.open("explore", run="bad-weights")
    for title in ("Explore", "Map", "Generate"):
        if title != "Explore":
            app.click(title)
            app.idle()
        (sentence,) = app.until(app.alerts, f"{title}: nothing was said")
        assert "best.safetensors" in sentence
        assert "Traceback" not in app.page.content()
    app.click("Runs")
    app.idle()
    said = " ".join(app.alerts())
    assert "bad-config" in said
    assert "bad-newer" in said


def test_address_of_no_page_leads_to_one(app: App) -> None:
    app.expect_error("The page that you have requested does not seem to exist")
    app.open("no-such-page", run="digits-2d")
    app.until(lambda: app.headline() in ("Train", "Explore", "Map", "Generate", "Runs"), "no page")
    assert "Traceback" not in app.page.content()


@pytest.mark.thorough
def test_values_of_a_link_that_are_none_are_told_and_the_defaults_are_shown(app: App, broken: None) -> None:
    app.open("explore", "image", run="bad-not", z="<b>,0", y="17")
    said = app.until(lambda: len(app.alerts()) == 2 and app.alerts(), "two things were to be told")
    assert "The link's z must be 2 numbers between −1000 and 1000" in said[0]
    assert "got '<b>,0'" in said[0]
    assert "The link's y must be a whole number from 0 to 9, got '17'" in said[1]
    assert (app.z(), app.query()["y"]) == ([0, 0], "0")
    app.open("generate", run="bad-not", seed=-1, temperature="1e99", num="many")
    said = app.until(lambda: len(app.alerts()) == 3 and app.alerts(), "three things were to be told")
    for sentence, words in zip(
        sorted(said),
        ["num must be a whole number", "seed must be a whole number", "temperature must be a number"],
        strict=True,
    ):
        assert f"The link's {words} from" in sentence
    app.page.locator(".ll-gallery img").first.wait_for()
    defaults = {"seed": "0", "temperature": "1", "num": "36"}
    assert {name: app.query()[name] for name in defaults} == defaults
    # The address is good now: it says nothing more.
    app.page.reload()
    app.ready()
    app.page.locator(".ll-gallery img").first.wait_for()
    app.idle()
    assert app.alerts() == []


@pytest.fixture(scope="module")
def odd(server: Server, shelf: Shelf) -> Run:
    """A conditional run whose name and classes look like HTML and Markdown."""
    path = shelf.images("odd", CLASSES, num=90, side=8)
    config = RunConfig(
        data=DataConfig(name="npz", path=path),
        model=ModelConfig(hidden=(8,), conditional=True),
        train=TrainConfig(epochs=1, batch_size=30, device="cpu", num_snapshots=1),
    )
    return shelf.train(server.runs / "odd-names", config, NAME)


def test_names_that_look_like_html_or_markdown_are_shown_as_text(app: App, odd: Run) -> None:
    app.open("explore", "image", "sliders", run=odd.id)
    app.idle()
    assert app.page.locator('[data-testid="stSidebar"]').get_by_label("Run", exact=True).input_value() == NAME
    check(app, *CLASSES)
    app.click("Map")
    app.ready("map")
    assert app.part("map").locator(".legend label").all_inner_texts() == sorted(CLASSES)
    check(app, *CLASSES)
    app.click("Generate")
    app.page.locator(".ll-gallery img").first.wait_for()
    app.page.get_by_role("radiogroup").get_by_text(sorted(CLASSES)[1]).click()
    app.until(lambda: app.query().get("y") == "1", "the class was not picked")
    app.idle()
    check(app, *CLASSES, f"36 images of class {sorted(CLASSES)[1]}")
    app.page.get_by_role("radiogroup").get_by_text("Style × class").click()
    app.page.locator(".ll-gallery img").first.wait_for()
    app.idle()
    assert app.page.locator(".ll-gallery th[scope=col]").all_inner_texts() == sorted(CLASSES)
    check(app, *CLASSES)
    app.click("Train")
    app.ready("curves")
    app.idle()
    check(app)
    assert NAME in app.page.title()
    app.click("Runs")
    app.page.locator('[data-testid="stDataFrame"]').wait_for()
    app.idle()
    check(app)
    assert not [address for address in app.addresses if "elsewhere.example" in address]


def check(app: App, *texts: str) -> None:
    """These texts are in the page, and nothing that they would make if they were code."""
    shown = app.page.locator('[data-testid="stMain"]').inner_text() + "".join(
        app.page.locator("[data-component]").all_inner_texts()
    )
    plain = shown.replace("\N{WORD JOINER}", "")
    for text in texts:
        assert text in plain or text.replace("`", "") in plain, text
    assert app.page.evaluate(MADE) == []
