"""What the map can show of a run: computed planes, very many points, and points whose images are gone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from tests.browser.mapped import chart, drawn, screen
from vae.data.dataset import load_dataset
from vae.latent.embedding import embed
from vae.latent.tsne_umap import digest
from vae.runs.snapshots import load_model
from vae.storage.safetensors_io import save

if TYPE_CHECKING:
    from tests.browser.server import Server
    from tests.browser.shelf import Shelf
    from tests.browser.tab import App


@pytest.mark.thorough
def test_plane_of_tsne_is_computed_on_demand_and_its_images_are_decoded(
    app: App, server: Server, shelf: Shelf
) -> None:
    run = shelf.put("digits-3d", server, "map-3d")
    app.open("map", "map", run=run.id, part="train")
    part = app.part("map")
    assert "of the variance of 3 dimensions" in part.inner_text()
    app.until(lambda: 0.5 < float(part.locator(".trust").get_attribute("data-trust") or 0) <= 1, "no trust")
    part.locator('[data-control="projection"]').select_option("tsne")
    part.locator('[data-action="compute"]').click()
    part.locator("progress").wait_for()
    part.locator('[data-action="cancel"]').click()
    app.until(lambda: "Cancelled" in part.locator(".job").inner_text(), "it was not cancelled")
    # Computed meanwhile, by another tab for example.
    images = load_dataset(run.config.data)
    mean = embed(load_model(run), images, "train").mean
    rows = torch.arange(0, len(mean), dtype=torch.int32)
    places = torch.stack([10.0 * rows, 100.0 - rows], 1)
    state = {"digest": digest(mean)}
    save(run.path / "projections", f"tsne-train-best-{len(mean)}", {"xy": places, "rows": rows}, state)
    app.page.reload()
    app.ready("map")
    app.until(lambda: app.marks("map").get("projection") == "tsne", "the link shows another plane")
    points = drawn(app)
    np.testing.assert_array_equal(points["x"], places[:, 0].numpy())
    assert part.locator('[data-layer="manifold"]').is_disabled()
    app.until(lambda: app.marks("map").get("source") == "browser", "no decoder")
    app.page.mouse.move(*screen(app, places[700].tolist()), steps=2)
    app.until(lambda: app.number("map", "decoded"), "nothing was decoded")
    assert abs(int(app.marks("map")["nearest"]) - 700) < 60
    part.locator('[data-control="projection"]').select_option("pca")
    app.until(lambda: app.marks("map")["projection"] == "pca", "no way back")


def test_very_many_points_are_shown_when_the_person_says_so(app: App, server: Server, shelf: Shelf) -> None:
    run = shelf.put("digits", server, "map-many")
    config = json.loads((run.path / "config.json").read_text())
    config["info"]["num_train"] = 2_000_000
    (run.path / "config.json").write_text(json.dumps(config))
    app.open("map", "map", run=run.id, part="train")
    message = app.part("map").locator(".ll-message").inner_text()
    assert "2,000,000 images" in message and "MB" in message and " s " in message
    assert "points" not in app.marks("map")
    # Only now is the server asked, and finds that the images are fewer than this run says.
    assert not any("/map-many/latent" in address for address in app.addresses)
    app.expect_error(r"404 .*/api/runs/map-many/latent|must have the images it was made for")
    app.part("map").locator('[data-action="show-all"]').click()
    app.until(lambda: "num_train 1294" in app.part("map").inner_text(), "the server was not asked")


def test_map_without_the_data_set_says_that_originals_are_missing(
    app: App, server: Server, shelf: Shelf
) -> None:
    run = shelf.put("shapes-mlp", server, "map-without-images")
    config = (run.path / "config.json").read_text()
    (run.path / "config.json").write_text(config.replace("shapes.npz", "gone.npz"))
    # Only the test images' places are kept in a run; nothing is asked for that cannot come.
    app.open("map", "map", run=run.id, part="all")
    app.until(lambda: app.query().get("part") == "test", "the other images cannot be shown")
    assert "showing the test images instead of all images." in app.page.inner_text('[data-testid="stAlert"]')
    corner = app.page.locator('[data-testid="stButtonGroup"] button')
    assert corner.all_inner_texts() == [f"Test ({run.info.num_test})"]
    assert app.page.get_by_text("The other images are not available").is_visible()
    assert app.number("map", "points") == run.info.num_test
    app.until(lambda: "gone.npz" in app.part("map").inner_text(), "it does not say what is missing")
    assert "Original images are not shown: " in app.part("map").inner_text()
    box = chart(app).bounding_box()
    app.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    app.until(lambda: app.number("map", "decoded"), "hovering decoded nothing")
    assert app.part("map").locator('[aria-label="Nearest image"]').is_hidden()
    # Four dimensions on a plane: said, too.
    assert "of the variance of 4 dimensions" in app.part("map").inner_text()
    shutil.rmtree(run.path)
