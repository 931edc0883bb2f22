"""What a page could not get while its server was away comes when it is there again, without a reload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.browser.test_stream import OUTAGE

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App


def fail_at_first(app: App, pattern: str, times: int) -> list[str]:
    """Let the first requests for such an address fail as they do while no server answers; lists those."""
    failed: list[str] = []

    def answer(route: Any) -> None:
        if len(failed) < times:
            failed.append(route.request.url)
            route.abort("connectionrefused")
        else:
            route.continue_()

    app.page.route(re.compile(pattern), answer)
    app.expect_error(OUTAGE)
    return failed


def test_a_decoder_and_test_images_that_could_not_be_fetched_are_fetched_again(
    app: App, server: Server, shelf: Shelf
) -> None:
    run = shelf.put("digits", server, "recovers")
    decoders, originals = fail_at_first(app, r"/decoder\.onnx", 2), fail_at_first(app, r"/originals", 2)
    app.open("explore", run=run.id)
    app.page.evaluate("window.isTheSame = true")
    app.until(lambda: app.marks("image").get("source") == "browser", "the decoder does not come", 60)
    first = '[data-component="draw"] .thumb canvas'
    app.until(
        lambda: app.page.locator(first).count() and any(app.pixels(first)), "the test images do not come", 60
    )
    assert (len(decoders), len(originals)) == (2, 2)
    assert app.page.evaluate("window.isTheSame")
