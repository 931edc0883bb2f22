"""What the map asks of the server: numbers of each image, some images, and planes that are computed beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dashboard import settings
from dashboard.cache import latents
from dashboard.jobs import planes as jobs
from dashboard.jobs.planes import Projections, Wanted, find
from tests.support.asgi_client import Client
from vae.browser import packed_arrays
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.latent.embedding import embed
from vae.runs.run import Run
from vae.runs.snapshots import load_model


def test_terms_are_distortion_at_the_posterior_mean_and_rate(
    client: Client, run: Run, digits: Dataset
) -> None:
    found, _ = packed_arrays.unpack(client.get("/api/runs/short/terms?part=test").content)
    model = load_model(run, "best")
    images, labels = digits.part("test")
    x = digits.pixels(images)
    with torch.no_grad():
        mean, log_var = model.posterior(x, labels)
        shown = model.decode(mean, labels).double()
    # p(x|z) by its definition, from the mean image.
    distortion = F.binary_cross_entropy(shown, x.double(), reduction="none").flatten(1).sum(1)
    posterior = torch.distributions.Normal(mean.double(), torch.exp(0.5 * log_var.double()))
    rate = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)
    np.testing.assert_allclose(found["distortion"], distortion.numpy(), rtol=1e-4)
    np.testing.assert_allclose(found["rate"], rate.numpy(), rtol=1e-4, atol=1e-5)


def test_all_parts_follow_each_other_in_one_order_everywhere(
    client: Client, run: Run, digits: Dataset
) -> None:
    terms, _ = packed_arrays.unpack(client.get("/api/runs/short/terms?part=all").content)
    spread, _ = packed_arrays.unpack(client.get("/api/runs/short/spread?part=all").content)
    latent, _ = packed_arrays.unpack(client.get("/api/runs/short/latent?part=all").content)
    assert len(terms["rate"]) == len(spread["sigma"]) == len(latent["mean"]) == len(digits.images)
    sigma, mean = spread["sigma"].astype(float), latent["mean"].astype(float)
    rate = 0.5 * (sigma**2 + mean**2 - 1 - 2 * np.log(sigma)).sum(1)
    np.testing.assert_allclose(terms["rate"], rate, rtol=1e-3, atol=1e-4)


def test_sigma_is_the_posteriors_standard_deviation(client: Client, run: Run, digits: Dataset) -> None:
    found, _ = packed_arrays.unpack(client.get("/api/runs/short/spread?part=validation&at=last").content)
    expected = embed(load_model(run, "last"), digits, "validation").log_var.mul(0.5).exp()
    np.testing.assert_allclose(found["sigma"], expected.numpy(), rtol=1e-5)


def test_unchanged_numbers_are_not_sent_again(client: Client) -> None:
    first = client.get("/api/runs/short/latent")
    assert int(first.headers["content-length"]) == len(first.content)
    again = client.get("/api/runs/short/latent", If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_some_images_come_in_the_order_they_are_named(client: Client, digits: Dataset) -> None:
    found, fields = packed_arrays.unpack(client.get("/api/runs/short/images?index=7,3,1796").content)
    np.testing.assert_array_equal(found["index"], [7, 3, 1796])
    np.testing.assert_array_equal(found["images"], digits.images[[7, 3, 1796]].numpy())
    assert fields["max_value"] == digits.max_value


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("images", "index must be 1 to 300 whole numbers"), ("images?index=a", "index must be"),
        ("images?index=1797", "index must be below 1797"), ("images?index=-1", "index must be"),
        (f"images?index={','.join(['1'] * 301)}", "index must be 1 to 300"), ("terms?part=half", "part must be one of"),
        ("spread?at=worst", "at must be"), ("projection?method=pca&num=9", "method must be one of tsne, umap"),
        ("projection/status?method=tsne&num=0", "num must be"),
        ("projection/status?method=tsne&num=1e9", "num must be"),
        ("projection?method=tsne&num=9", "must be computed first"),
    ],
)  # fmt: skip
def test_bad_parameter_is_one_sentence_with_rule_value_and_remedy(
    client: Client, query: str, word: str
) -> None:
    answer = client.get(f"/api/runs/short/{query}")
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert ", got " in answer.json()["error"] and "; " in answer.json()["error"]


# Computed planes -----------------------------------------------------------------------------------------------------


@pytest.fixture
def computing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Projections]:
    """Planes under way, of this test alone."""
    made = Projections()
    monkeypatch.setattr("dashboard.views.map.routes.projections", made)
    yield made
    made.close()


def until(condition: Callable[[], Any], sentence: str, seconds: float = 100) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, sentence
        time.sleep(0.02)
    return found


def test_plane_is_computed_beside_the_server_and_kept_in_the_run(
    client: Client, run: Run, computing: Projections
) -> None:
    address = "/api/runs/short/projection"
    query = "method=tsne&part=test&num=100"
    assert client.get(f"{address}/status?{query}").json()["state"] == "none"
    wanted = Wanted(run, "best", "test", "tsne", 100)
    computing.start(wanted)
    computing.start(wanted)  # once more changes nothing
    with pytest.raises(UserError, match="only one projection is computed at a time"):
        computing.start(Wanted(run, "best", "test", "tsne", 99))
    found = until(
        lambda: (now := client.get(f"{address}/status?{query}").json())["state"] != "running" and now,
        "no end",
    )
    assert found["state"] == "done", found
    flat, _ = packed_arrays.unpack(client.get(f"{address}?{query}").content)
    assert flat["xy"].shape == (100, 2) and len(np.unique(flat["rows"])) == 100
    assert (run.path / "projections" / "tsne-test-best-100.safetensors").is_file()
    # Another server finds it; other weights do not.
    assert Projections().status(wanted)["state"] == "done"
    assert find(Wanted(run, "last", "test", "tsne", 100)) is None


def test_cancelled_plane_leaves_nothing_and_may_begin_again(run: Run, computing: Projections) -> None:
    wanted = Wanted(run, "best", "train", "tsne", 1000)
    computing.start(wanted)
    job = computing._jobs[wanted.key]
    until(lambda: job.process is not None, "no process")
    computing.cancel(wanted)
    assert computing.status(wanted)["state"] == "cancelled"
    assert job.process is not None
    until(lambda: job.process.poll() is not None, "the process lives on")
    assert find(wanted) is None
    computing.start(wanted)
    assert computing.status(wanted)["state"] == "running"


def test_plane_of_a_shipped_run_is_kept_in_the_users_cache(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "shipped_root", lambda: run.path.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jobs._folder(run) == tmp_path / "latent-lab" / "projections" / "short"


def test_failure_is_told_in_a_sentence(
    run: Run, computing: Projections, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise UserError("the images are not on this machine")

    monkeypatch.setattr(latents, "embedding", refuse)
    wanted = Wanted(run, "best", "train", "tsne", 50)
    computing.start(wanted)
    until(lambda: computing.status(wanted)["state"] == "failed", "it did not fail")
    assert computing.status(wanted)["words"] == "the images are not on this machine"


def test_images_like_given_pixels_are_found_by_mean_and_by_kl(
    client: Client, run: Run, digits: Dataset
) -> None:
    import base64

    pixels = digits.images[digits.test[5]].double() / digits.max_value
    sent = base64.urlsafe_b64encode((255 * pixels).round().byte().numpy().tobytes()).decode()
    for by in ("mean", "kl"):
        told = client.get(f"/api/runs/short/nearest?part=test&by={by}&num=4&y=0&x={sent}").json()
        assert len(told["rows"]) == 4
        assert told["distances"] == sorted(told["distances"])
        assert told["unit"] == ("nats" if by == "kl" else "")
        assert len(told["mean"]) == len(told["sigma"]) == run.config.model.latent_dim
    refused = client.get("/api/runs/short/nearest?x=abcd")
    assert refused.status_code == 400 and b"bytes in base64" in refused.content
    refused = client.get(f"/api/runs/short/nearest?by=cosine&x={sent}")
    assert b"by must be one of mean, kl" in refused.content


def test_trust_of_the_straight_plane_is_told(client: Client, run: Run) -> None:
    told = client.get("/api/runs/short/plane/trust").json()
    assert 0.5 < told["value"] <= 1
    assert told["num_neighbours"] == 15
