"""What the pages Compare and Evaluate ask of the server: numbers by their definition, and refusals in a sentence."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dashboard.cache import datasets
from dashboard.cache.test_images import first_of_each, pixels
from tests.support.asgi_client import Client
from vae.browser import packed_arrays
from vae.data.dataset import Dataset
from vae.evaluation.importance import log_weights
from vae.latent.embedding import prior_points
from vae.runs.run import Run
from vae.runs.snapshots import load_model
from vae.runtime.seeding import generator

BESIDE = "/api/runs/short/side-by-side"
TRUTH = "/api/runs/short/truth"


def unpacked(client: Client, address: str) -> tuple[dict[str, Any], dict[str, Any]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return packed_arrays.unpack(answer.content)


class TestSideBySide:
    @pytest.mark.parametrize("at", ["best", "0"])
    def test_each_moment_reconstructs_the_named_images_and_tells_their_cost(
        self, client: Client, run: Run, digits: Dataset, at: str
    ) -> None:
        rows = [5, 0, 9]
        found, fields = unpacked(client, f"{BESIDE}?at={at}&rows=5,0,9&num=2")
        model = load_model(run, "best" if at == "best" else 0)
        images, labels = digits.part("test")
        assert labels is not None
        x = digits.pixels(images[rows])
        with torch.no_grad():
            mean, log_var = model.posterior(x, labels[rows])
            shown = model.decode(mean).double()
        distortion = F.binary_cross_entropy(shown, x.double(), reduction="none").flatten(1).sum(1)
        posterior = torch.distributions.Normal(mean, torch.exp(0.5 * log_var))
        rate = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)
        np.testing.assert_array_equal(found["originals"], np.rint(x.numpy() * 255))
        np.testing.assert_allclose(found["reconstructions"], np.rint(shown.numpy() * 255), atol=1)
        np.testing.assert_allclose(found["distortion"], distortion.numpy(), rtol=1e-4)
        np.testing.assert_allclose(found["rate"], rate.numpy(), rtol=1e-4, atol=1e-5)
        assert fields["labels"] == labels[rows].tolist()

    def test_points_are_those_of_the_seed(self, client: Client, run: Run) -> None:
        found, _ = unpacked(client, f"{BESIDE}?seed=7&num=4")
        with torch.no_grad():
            images = load_model(run).decode(prior_points(4, 2, seed=7))
        np.testing.assert_allclose(found["decoded"], np.rint(images.numpy() * 255), atol=1)

    def test_without_images_there_are_points_and_a_reason(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from vae.data.types import DataError

        def gone(run: Run) -> Any:
            raise DataError("the images are elsewhere")

        monkeypatch.setattr(datasets, "dataset", gone)
        found, fields = unpacked(client, f"{BESIDE}?rows=1,2&seed=99")
        assert set(found) == {"decoded"}
        assert fields["missing"] == "the images are elsewhere"

    @pytest.mark.parametrize("query", ["rows=-1", "rows=99999", "rows=1,,2", "num=21", "seed=x", "at=17"])
    def test_what_breaks_a_rule_is_refused_in_a_sentence(self, client: Client, query: str) -> None:
        answer = client.get(f"{BESIDE}?{query}")
        assert answer.status_code in (400, 404)
        assert "Traceback" not in answer.json()["error"]

    def test_one_image_of_each_class_comes_first(self, run: Run, digits: Dataset) -> None:
        rows = first_of_each(run, 12)
        assert digits.labels is not None
        assert digits.labels[digits.test][rows[:10]].tolist() == list(range(10))
        assert len(set(rows)) == 12

    def test_a_dynamically_drawn_image_is_the_same_in_any_company(
        self, run: Run, digits: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dataclasses import replace

        drawn = replace(digits, config=digits.config.replace(binarize="dynamic"))
        monkeypatch.setattr(datasets, "dataset", lambda run: drawn)
        alone, _ = pixels(run, [4])
        among, _ = pixels(run, [1, 4, 2])
        torch.testing.assert_close(alone[0], among[1], rtol=0, atol=0)
        assert set(alone.unique().tolist()) <= {0.0, 1.0}


class TestTruth:
    def test_elbo_and_gap_add_up_to_what_many_samples_say(
        self, client: Client, run: Run, digits: Dataset
    ) -> None:
        found, fields = unpacked(client, f"{TRUTH}?row=3")
        x = digits.pixels(digits.part("test")[0][3:4])
        torch.testing.assert_close(torch.from_numpy(found["image"].copy()), x[0])
        weights = log_weights(load_model(run), x, None, 20_000, generator(0, "importance"))[0]
        log_prob = float(weights.logsumexp(0)) - np.log(20_000)
        assert fields["elbo"] + fields["gap"] == pytest.approx(fields["log_prob"], abs=1e-3)
        assert fields["log_prob"] == pytest.approx(log_prob, abs=0.05)
        assert fields["elbo"] == pytest.approx(float(weights.mean()), abs=0.05)

    def test_depth_is_that_of_the_density_on_its_axes(self, client: Client) -> None:
        found, fields = unpacked(client, f"{TRUTH}?row=3&at=0")
        density, depth = found["density"].astype(float), found["depth"].astype(float)
        assert depth.min() == 0
        near = depth < 5
        np.testing.assert_allclose(
            np.sqrt(-2 * np.log(density / density.max()))[near], depth[near], atol=1e-3
        )
        cell = np.diff(found["axis0"]).mean() * np.diff(found["axis1"]).mean()
        assert density.sum() * cell == pytest.approx(1, abs=0.02)
        place = (density.sum(1) * found["axis0"]).sum() / density.sum()
        assert place == pytest.approx(fields["mean"][0], abs=0.02)

    def test_a_drawing_is_what_the_same_test_image_is(self, client: Client, digits: Dataset) -> None:
        pixels = digits.pixels(digits.part("test")[0][8:9]).mul(255).round().to(torch.uint8)
        text = base64.b64encode(pixels.numpy().tobytes(), altchars=b"-_").decode()
        _, drawn = unpacked(client, f"{TRUTH}?x={text}")
        _, known = unpacked(client, f"{TRUTH}?row=8")
        assert drawn["log_prob"] == pytest.approx(known["log_prob"], abs=0.2)

    @pytest.mark.parametrize("query", ["x=", "x=!!", "x=AAAA", f"x={'A' * 20000}", "row=-1", "row=999999"])
    def test_what_breaks_a_rule_is_refused_in_a_sentence(self, client: Client, query: str) -> None:
        answer = client.get(f"{TRUTH}?{query}")
        assert answer.status_code == 400
        assert " must be " in answer.json()["error"]
