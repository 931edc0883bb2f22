"""The Explore page, without a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from dashboard.shell import latent_view
from dashboard.views.explore.image_source import Posterior
from dashboard.views.explore.paths import Said
from tests.support.pages_without_browser import Put, page, sentences
from vae.data.dataset import Dataset
from vae.latent.embedding import embed, kept_embedding
from vae.runs.run import Run
from vae.runs.snapshots import load_model, load_weights

pytestmark = pytest.mark.usefixtures("empty_runs")


class TestExplore:
    def test_point_of_the_link_is_kept(self, put: Put) -> None:
        put("good")
        assert page("explore", run="good", z="1.5,-0.25").query_params["z"] == "1.5,-0.25"

    @pytest.mark.parametrize("z", ["1", "a,b", "nan,nan", "9999,0"])
    def test_bad_point_is_told_and_the_mean_is_shown(self, put: Put, z: str) -> None:
        put("good")
        at = page("explore", run="good", z=z)
        (sentence,) = sentences(at)
        assert sentence.startswith("The link's z must be 2 numbers")
        assert at.query_params["z"] == "0,0"

    def test_link_to_a_test_image_shows_its_posterior_s_mean(self, put: Put) -> None:
        run = put("good")
        found = kept_embedding(run)
        assert found is not None
        at = page("explore", run="good", posterior="3")
        z = [float(value) for value in at.query_params["z"].split(",")]
        assert z == pytest.approx(found.mean[3].tolist(), abs=1e-4)
        assert at.query_params["posterior"] == "3"
        away = page("explore", run="good", posterior="3", z="40,40")
        assert away.query_params["z"] == "40,40"
        assert "posterior" not in away.query_params

    @pytest.mark.parametrize("name", ["explore", "map"])
    def test_image_that_was_chosen_at_a_snapshot_is_of_that_encoders_posterior(
        self, put: Put, digits: Dataset, name: str
    ) -> None:
        run = put("good")
        step, row, kept = run.snapshots()[0], 7, kept_embedding(run)
        weights = load_weights(run, step)
        weights["encoder.mean.bias"] += 20  # so that the snapshot's posterior is not the best weights'
        save_file(weights, run.snapshot_dir(step) / "weights.safetensors")
        then = embed(load_model(run, step), digits)
        assert kept is not None
        mean = {at: found.mean[row].tolist() for at, found in ((step, then), ("best", kept))}
        for z in mean.values():
            query = {"z": ",".join(f"{value:.4f}" for value in z), "posterior": str(row)}
            at = page(name, run="good", at=str(step), **query)
            assert sentences(at) == []
            assert at.query_params["posterior"] == str(row), (
                "of the snapshot's, or still of the best weights'"
            )
        at = page(name, run="good", posterior=str(row), z=",".join(map(str, mean[step])))
        assert "posterior" not in at.query_params
        if name == "explore":
            at = page(name, run="good", at=str(step), posterior=str(row))
            z = [float(value) for value in at.query_params["z"].split(",")]
            assert z == pytest.approx(mean[step], abs=1e-4)

    def test_posterior_of_a_snapshot_is_that_of_the_image_as_the_page_encodes_it(
        self, put: Put, monkeypatch: pytest.MonkeyPatch, digits: Dataset
    ) -> None:
        run = put("good")
        step = run.snapshots()[1]
        monkeypatch.setattr("dashboard.shell.time_machine.at", lambda run: step)
        then = embed(load_model(run, step), digits)
        found = latent_view.posterior(run, 5)
        assert found is not None and isinstance(found[0], Posterior)
        torch.testing.assert_close(torch.tensor(found[0].mean), then.mean[5])
        torch.testing.assert_close(torch.tensor(found[0].sigma), (0.5 * then.log_var[5]).exp())
        # Without its images, what training kept is all there is.
        values = json.loads((run.path / "config.json").read_text())
        values["info"]["fingerprint"] = "0" * 16
        (run.path / "config.json").write_text(json.dumps(values))
        kept = kept_embedding(run)
        found = latent_view.posterior(Run.open(run.path), 5)
        assert found is not None and kept is not None
        torch.testing.assert_close(torch.tensor(found[0].mean), kept.mean[5])

    def test_point_that_moves_along_a_path_leaves_the_drawings_posterior(
        self, conditional: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = {"z": "1,-1", "posterior": "drawing", "drawing": "AQQXmgFmzAEA", "stops": "n1_n5"}
        said = Said()
        monkeypatch.setattr("dashboard.views.explore.paths_section.paths", lambda *_, **__: said)
        at = page("explore", run="conditional", **query)
        assert at.query_params["posterior"] == "drawing"
        said = Said(z=[0.5, 0.25])
        at = page("explore", run="conditional", **query)
        assert at.query_params["z"] == "0.5,0.25"
        assert "posterior" not in at.query_params
        assert at.query_params["drawing"] == query["drawing"]

    def test_what_makes_the_view_is_kept_in_the_link(self, conditional: Run) -> None:
        given = {"z": "1,0.5", "y": "3", "mix": "8,0.25", "range": "prior", "panel": "draw"}
        at = page("explore", run="conditional", **given)
        assert {name: at.query_params[name] for name in given} == given

    def test_bad_values_of_a_link_are_told_and_the_defaults_are_shown(self, conditional: Run) -> None:
        at = page("explore", run="conditional", mix="10,0.5", range="wide", panel="<b>", posterior="-1")
        said = sorted(sentences(at))
        names = ("mix", "panel", "posterior", "range")
        assert [words.split(" must be ")[0] for words in said] == [f"The link's {name}" for name in names]
        assert (at.query_params["range"], at.query_params["panel"]) == ("data", "test")
        assert "mix" not in at.query_params and "posterior" not in at.query_params

    def test_a_path_and_a_drawing_of_a_link_that_are_none_are_told(self, put: Put) -> None:
        link = {
            "stops": "n999_<b>",
            "pace": "fast",
            "radius": "0",
            "sum": "c7",
            "drawing": "<b>",
            "map": "yes",
        }
        at = page("explore", run=put("good").id, **link)
        said = sorted(sentences(at))
        assert [words.split(" must be ")[0] for words in said] == [
            f"The link's {name}" for name in sorted(link)
        ]
        assert all(repr(text) in words for (_, text), words in zip(sorted(link.items()), said, strict=True))
        assert "stops" not in at.query_params and "drawing" not in at.query_params

    def test_numbers_say_what_they_were_computed_from(self, put: Put) -> None:
        run = put("good")
        words = next(
            caption.value for caption in at_captions("explore", run) if "KL in nats" in caption.value
        )
        assert f"over {run.info.num_test} test images" in words


def at_captions(name: str, run: Run) -> Any:
    return page(name, run=run.id).caption
