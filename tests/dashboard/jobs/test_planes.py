"""t-SNE and UMAP planes: what they keep, how long they take in words, and what is believed of a file."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dashboard.jobs.planes import Projections, Wanted, _Job, why_ended
from vae.errors import UserError
from vae.latent import tsne_umap
from vae.latent.embedding import Embedding
from vae.storage.safetensors_io import save


def clusters(num: int = 60, dims: int = 5) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Three well separated clusters of latent points, and which each point is of."""
    rng = np.random.default_rng(0)
    kinds = np.arange(num) % 3
    centres = 20 * np.eye(3, dims)
    return (centres[kinds] + rng.normal(0, 0.3, (num, dims))).astype(np.float32), kinds


def noise(num: int, dims: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).normal(size=(num, dims)).astype(np.float32)


AT_ONE_PLACE = "all .* images have the same latent position.*[Tt]he posterior has collapsed"


@pytest.mark.parametrize("method", ["tsne", "umap"])
@pytest.mark.parametrize(
    ("z", "words"),
    [
        (np.zeros((4, 3), np.float32), "at least 5 points, got 4"),
        (np.zeros((1, 3), np.float32), "at least 5 points, got 1"),
        (np.full((9, 3), np.nan, np.float32), "needs finite latent points"),
        (np.where(np.eye(9, 3) > 0, np.inf, 0).astype(np.float32), "needs finite latent points"),
        (np.zeros((100, 3), np.float32), AT_ONE_PLACE),
        (np.full((40, 2), 0.37, np.float32), AT_ONE_PLACE),
        # Nothing but the rounding of a bias differs.
        ((np.float32(7.3) + 4e-7 * noise(60, 3)).astype(np.float32), AT_ONE_PLACE),
        (np.repeat(noise(3, 4), 50, 0), "at least 5 different positions, got 3 of 150 images"),
    ],
    ids=["few", "one", "nan", "inf", "zeros", "constant", "rounding", "three places"],
)
def test_points_that_cannot_be_placed_are_refused_before_a_library_gets_them(
    z: np.ndarray[Any, Any], words: str, method: tsne_umap.Method
) -> None:
    with pytest.raises(UserError, match=words):
        tsne_umap.place(z, method)


#: Planes that a library takes, if they are put to it right.
ODD = {
    "five places, each of many images": np.repeat(noise(5, 3), 60, 0),
    "one line": noise(60, 1) * np.array([[1, 2, -1]], np.float32),
    "one dimension": noise(60, 1),
    "tiny": 1e-25 * noise(60, 3),
    "huge": 1e25 * noise(60, 3),
    "one far out": np.concatenate([noise(60, 3), np.full((1, 3), 1e6, np.float32)]),
    "one dimension stands still": noise(60, 3) * np.array([[1, 0, 1]], np.float32) + np.float32(5),
}


def test_odd_planes_are_placed(tmp_path: Path) -> None:
    # In a process of its own: a crash of the library must fail this test, not end it.
    code = (
        "import sys, numpy as np; from vae.latent import tsne_umap as projections; projections._ITERATIONS = 250\n"
        "for name, z in np.load(sys.argv[1]).items():\n"
        "    xy = projections.place(z, 'tsne')\n"
        "    assert xy.shape == (len(z), 2) and np.isfinite(xy).all() and np.ptp(xy) > 0\n"
        "    print(name, flush=True)"
    )
    np.savez(tmp_path / "odd.npz", **{name: z.astype(np.float32) for name, z in ODD.items()})  # type: ignore[arg-type]
    command = [sys.executable, "-c", code, str(tmp_path / "odd.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (0, list(ODD)), done.stderr[-300:]


def job_of(monkeypatch: pytest.MonkeyPatch, z: np.ndarray[Any, Any], path: Path) -> _Job:
    """A plane that is asked for of a run whose posterior means are given."""
    found = Embedding(torch.from_numpy(z), torch.zeros(z.shape), None, torch.arange(len(z)))
    monkeypatch.setattr("dashboard.cache.latents.embedding", lambda run, at, part: found)
    run: Any = SimpleNamespace(path=path, id="collapsed")
    return _Job(Wanted(run, "best", "test", "tsne", 1000))


def test_a_collapsed_run_is_told_so_by_the_map_and_no_process_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = job_of(monkeypatch, np.zeros((100, 4), np.float32), tmp_path)
    with pytest.raises(UserError, match=AT_ONE_PLACE):
        Projections()._compute(job)
    assert job.process is None


@pytest.mark.parametrize(
    ("number", "words"), [("SEGV", r"crashed \(SIGSEGV\)"), ("KILL", "the system ended the process.*memory")]
)
def test_a_process_that_dies_says_how(
    number: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "dies"
    program.write_text(f"#!/bin/sh\nkill -{number} $$\n")
    program.chmod(0o755)
    job = job_of(monkeypatch, noise(100, 4), tmp_path)
    monkeypatch.setattr("dashboard.jobs.planes.sys.executable", str(program))
    with pytest.raises(UserError, match=words):
        Projections()._compute(job)


def test_a_process_that_ends_by_a_signal_is_told_for_what_it_is() -> None:
    crashed, killed = (why_ended(-number) for number in (signal.SIGSEGV, signal.SIGKILL))
    assert "crashed (SIGSEGV)" in crashed and "memory" not in crashed
    assert "the system ended the process" in killed and "memory" in killed
    assert "status 3" in why_ended(3)


def test_umap_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        tsne_umap.importlib.util, "find_spec", lambda name: None if name == "umap" else find(name)
    )
    assert "pip install 'latent-lab[umap]'" in tsne_umap.missing("umap")
    assert tsne_umap.missing("tsne") == ""
    with pytest.raises(UserError, match="umap-learn"):
        tsne_umap.place(clusters()[0], "umap")


def test_sample_is_random_without_repeats_and_the_same_each_time() -> None:
    rows = tsne_umap.sample(1000, 100)
    assert len(set(rows.tolist())) == 100 and (np.diff(rows) > 0).all()
    assert rows.min() >= 0 and rows.max() < 1000 and rows.max() > 900
    np.testing.assert_array_equal(rows, tsne_umap.sample(1000, 100))
    np.testing.assert_array_equal(tsne_umap.sample(7, 100), np.arange(7))


def test_guess_grows_with_the_points() -> None:
    assert tsne_umap.guess("tsne", 300) == "some seconds"
    assert tsne_umap.guess("tsne", 3000) == "20 to 60 s"
    assert tsne_umap.guess("tsne", 10_000) == "1 to 3 min"
    assert tsne_umap.guess("umap", 10_000) == "1 to 3 min"
    assert tsne_umap.guess("tsne", 70_000) == "7 to 21 min"


def test_what_umap_prints_becomes_stages_and_a_share() -> None:
    told: list[tuple[float | None, str]] = []
    hears = tsne_umap._Epochs(lambda share, words: told.append((share, words)))
    # Lines and bars in the form that umap-learn 0.5 prints and tqdm draws.
    for text in (
        "UMAP(random_state=0, verbose=True)\n",
        "Sat Jan  1 00:00:00 2022 Finding Nearest Neighbors\n",
        "Sat Jan  1 00:00:09 2022 Finished Nearest Neighbor Search\n",
        "Sat Jan  1 00:00:10 2022 Construct embedding\n",
        "\rEpochs completed:   0%|          0/500 [00:00<?, ?it/s]",
        "\rEpochs completed:  50%|#####     250/500 [00:01<00:01, 200it/s]",
        "\rEpochs completed: 100%|########## 500/500 [00:02]",
        "\n",
    ):
        assert hears.write(text) == len(text)
    assert told == [
        (None, "finding neighbours"),
        (None, "moving points"),
        (0.0, "moving points"),
        (0.5, "moving points"),
        (1.0, "moving points"),
    ]


def worked(
    folder: Path, mean: torch.Tensor, rows: torch.Tensor, capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    """What the process says that computes a plane."""
    save(folder, "source", {"mean": mean, "rows": rows}, {"digest": tsne_umap.digest(mean)})
    with contextlib.suppress(SystemExit):
        tsne_umap.main([str(folder / "source"), str(folder / "kept"), "tsne"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_tsne_keeps_clusters_together_tells_how_far_it_is_and_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points, kinds = clusters()
    mean, rows = torch.from_numpy(points), torch.arange(0, 60, 2, dtype=torch.int32)
    said = worked(tmp_path, mean, rows, capsys)
    assert said[0] == {"share": None, "words": "finding neighbours"}
    shares = [line["share"] for line in said if line["share"] is not None]
    assert shares == sorted(shares) and shares[-1] == 1.0
    found = tsne_umap.read(tmp_path, "kept", mean)
    assert found is not None and torch.equal(found.rows, rows)
    np.testing.assert_allclose(found.xy.mean(0), 0, atol=1e-3)
    distances = torch.cdist(found.xy, found.xy) + 1e9 * torch.eye(30)
    kept = kinds[rows.numpy()]
    assert (kept[distances.argmin(1).numpy()] == kept).all()
    # One seed, one plane; and it belongs to these points alone.
    np.testing.assert_array_equal(found.xy.numpy(), tsne_umap.place(points[rows.numpy()], "tsne"))
    assert tsne_umap.read(tmp_path, "kept", mean + 1) is None
    assert tsne_umap.read(tmp_path, "other", mean) is None
    (tmp_path / "kept.safetensors").write_bytes(b"nonsense")
    assert tsne_umap.read(tmp_path, "kept", mean) is None


def test_file_whose_rows_lead_out_of_the_points_is_not_believed(tmp_path: Path) -> None:
    mean = torch.zeros(3, 2)
    state = {"digest": tsne_umap.digest(mean)}
    for rows in ([0, 3], [1, 0], [-1, 2], [1, 1]):
        save(
            tmp_path, "kept", {"xy": torch.zeros(2, 2), "rows": torch.tensor(rows, dtype=torch.int32)}, state
        )
        assert tsne_umap.read(tmp_path, "kept", mean) is None, rows


def test_process_that_cannot_place_them_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = worked(tmp_path, torch.zeros(3, 2), torch.arange(3, dtype=torch.int32), capsys)
    assert "at least 5 points" in said[-1]["error"]
