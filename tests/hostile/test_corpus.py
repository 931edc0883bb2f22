"""Hundreds of inputs that were made to harm, each against the door that it would come through.

Whatever comes in, the answer is one clean sentence or an honest result: nothing outside the run's folder is read or
written, nothing is waited for, and memory stays bounded.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import shutil
import socket
import sys
import threading
import time
from collections import ChainMap
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import torch
import uvicorn
from starlette.applications import Starlette

from dashboard import routes, settings
from dashboard.cache import lru
from tests.hostile import graphs as own_graphs
from tests.hostile import images, runs
from tests.support.thorough import crossed, few
from vae.cli.main import main
from vae.config.schema import DataConfig, DataInfo, ModelConfig
from vae.data.dataset import load_dataset, read_columns
from vae.errors import MAX_SENTENCE, UserError
from vae.evaluation.saved_bounds import kept
from vae.export import onnx_session
from vae.export.onnx_networks import as_weights, external_model
from vae.latent.embedding import kept_embedding
from vae.runs.archive import import_run
from vae.runs.history import history_until
from vae.runs.listing import BrokenRun, list_runs
from vae.runs.metrics import MetricsReader, left_out, newest
from vae.runs.run import Run
from vae.runs.snapshot_index import moments
from vae.runs.snapshots import load_model

#: Seconds that an answer may take; a machine that is busy with other things gets twice as many.
MOST_SECONDS = 10.0
pytestmark = pytest.mark.timeout(60)
SECRET = "a secret outside"


def check_clean(sentence: str) -> None:
    """One sentence, and nothing in it that a terminal or a page obeys."""
    assert 0 < len(sentence) <= MAX_SENTENCE
    assert all(char.isprintable() or char in "\u200c\u200d" for char in sentence), ascii(sentence)
    assert "Traceback" not in sentence
    assert SECRET not in sentence


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 2 * MOST_SECONDS


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody is to touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("secret.json", "secret.png", ".hidden.tmp", "metrics.jsonl"):
        (folder / name).write_text(SECRET)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    yield folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


#: What a process has that has loaded torch and the dashboard, and nothing else.
EMPTY_MEBIBYTES = 500.0


def _mebibytes(name: str) -> float:
    """A figure of this process as the system has it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


@pytest.fixture(scope="module", autouse=True)
def in_memory() -> Iterator[None]:
    """The whole corpus in one process: it holds server, library and command line."""
    resets = Path("/proc/self/clear_refs")
    if not resets.exists():
        yield
        return
    # Tests before these may have left something in memory: the peak is begun anew, and what is there counted off.
    resets.write_text("5")
    before = _mebibytes("VmRSS")
    yield
    assert _mebibytes("VmHWM") - max(0.0, before - EMPTY_MEBIBYTES) < 1500


# Zip files --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(trained_run: Run) -> runs.Content:
    """The files of an honest run, by their names in it."""
    names = ("config.json", "status.json", "metrics.jsonl", "checkpoints/best.safetensors")
    return {name: (trained_run.path / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def archives(honest: runs.Content) -> dict[str, Callable[[], bytes]]:
    return dict(runs.archives(honest))


@pytest.mark.parametrize("word", dict(runs.archives({"config.json": b"{}"})))
def test_an_archive(
    word: str, archives: dict[str, Callable[[], bytes]], outside: Path, tmp_path: Path
) -> None:
    root = tmp_path / "inside" / "runs"
    try:
        found = import_run(io.BytesIO(archives[word]()), root)
    except UserError as error:
        check_clean(str(error))
        assert not root.exists() or not list(root.iterdir())
    else:
        assert found.path.parent == root
    assert not list(tmp_path.glob("**/*evil*"))
    assert {path.name for path in tmp_path.iterdir()} <= {"outside", "inside"}


# Run folders ------------------------------------------------------------------------------------------


def look_at_everything(root: Path) -> None:
    """Whatever pages and commands read of the runs of a folder."""
    for found in list_runs(root):
        if isinstance(found, BrokenRun):
            check_clean(found.sentence)
            continue
        for read in (
            found.status, found.control, found.snapshots, found.is_locked,
            lambda run=found: newest(run.metrics_path),
            lambda run=found: MetricsReader(run.metrics_path).read(at_most=100),
            lambda run=found: left_out(run.metrics_path),
            lambda run=found: load_model(run, "best"),
            lambda run=found: load_model(run, "last"),
            lambda run=found: load_model(run, 0),
            lambda run=found: history_until(run, "best"),
            lambda run=found: kept_embedding(run),
            lambda run=found: moments(run),
            lambda run=found: kept(run),
            lambda run=found: run.request(beta=2.0),
            lambda run=found: run.rename("other"),
        ):  # fmt: skip
            try:
                read()
            except (UserError, OSError) as error:
                from vae.storage.atomic import disk_sentence

                check_clean(disk_sentence(error) if isinstance(error, OSError) else str(error))


@pytest.fixture
def copy(trained_run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "copy"
    shutil.copytree(trained_run.path, path)
    return path


def put_away(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("kind", runs.KINDS)
@pytest.mark.parametrize("name", runs.FILES)
def test_a_file_of_a_run_that_is_something_else(name: str, kind: str, copy: Path, outside: Path) -> None:
    put_away(copy / name)
    runs.KINDS[kind](copy / name, outside)
    look_at_everything(copy.parent)


@pytest.mark.parametrize(
    ("name", "word"),
    crossed(["config.json", "status.json", "control.json", "name.json", "measurements.json"], runs.JSON),
)
def test_a_json_file_of_a_run(name: str, word: str, copy: Path, outside: Path) -> None:
    (copy / name).write_bytes(runs.JSON[word])
    look_at_everything(copy.parent)


@pytest.mark.parametrize(
    ("name", "word"),
    crossed(["checkpoints/best", "live", "latent", "snapshots/0/weights", "snapshots/0/probe"], runs.WEIGHTS),
)
def test_a_weights_file_of_a_run(name: str, word: str, copy: Path) -> None:
    (copy / f"{name}.safetensors").write_bytes(runs.WEIGHTS[word])
    look_at_everything(copy.parent)


@pytest.mark.parametrize("word", runs.HISTORY)
def test_a_history_of_a_run(word: str, copy: Path) -> None:
    (copy / "metrics.jsonl").write_bytes(runs.HISTORY[word])
    look_at_everything(copy.parent)


# Graphs -----------------------------------------------------------------------------------------------

_KINDS = (own_graphs.MESSAGES, own_graphs.MEMORY, own_graphs.TIME)
#: One of each kind first.
_GRAPHS = dict(
    sorted(ChainMap(*_KINDS).items(), key=lambda one: one[0] not in {next(iter(kind)) for kind in _KINDS})
)


# `tests/vae/export/test_onnx_session.py` has each of them at the door that all graphs come through.
@pytest.mark.parametrize("word", few(_GRAPHS, 3))
def test_a_graph(word: str, tiny_info: DataInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_session, "GRAPH_OPEN_SECONDS", 1.0)
    config = ModelConfig(network="external", latent_dim=2, likelihood="gaussian")
    weights = as_weights(own_graphs.honest("encoder").SerializeToString(), _GRAPHS[word]())
    with pytest.raises(UserError) as found:
        external_model(config, tiny_info, weights).decode(torch.zeros(1, 2))
    check_clean(str(found.value))


# Images -----------------------------------------------------------------------------------------------


def read(config: DataConfig) -> None:
    """Read images and columns, as a training does."""
    try:
        dataset = load_dataset(config)
        for refused in read_columns(config, len(dataset.images)).refused:
            check_clean(refused)
        for name in dataset.class_names:
            check_clean(name)
    except UserError as error:
        check_clean(str(error))


@pytest.mark.parametrize("word", images.ARRAYS)
def test_an_array_file(word: str, tmp_path: Path) -> None:
    (tmp_path / "own.npz").write_bytes(images.array(word))
    read(DataConfig(name="npz", path=tmp_path / "own.npz"))


@pytest.mark.parametrize("word", images.IMAGES)
def test_an_image_file(word: str, tmp_path: Path) -> None:
    ending, data = images.IMAGES[word]
    (tmp_path / f"x.{ending}").write_bytes(data)
    for number in range(20):
        (tmp_path / f"y{number}.png").write_bytes(images.image("PNG"))
    read(DataConfig(name="folder", path=tmp_path))


@pytest.mark.parametrize("word", images.FOLDERS)
def test_a_folder_of_images(word: str, tmp_path: Path, outside: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    images.FOLDERS[word](folder, outside)
    read(DataConfig(name="folder", path=folder))


# The command line -------------------------------------------------------------------------------------

COMMANDS = [
    "import {out}", "import /dev/zero", "import /dev/stdin", "import {out}/secret.json", "import {}/none.zip",
    "train --run-dir /dev/null", "train --run-dir {out}/secret.json", "train --run-dir {}/a\x1b[2Jb",
    "train --run-dir {}/a --name \u202ex", "train --run-dir {}/a --name " + "x" * 5000,
    "train --run-dir {}/a --train.epochs 0", "train --run-dir {}/a --model.latent-dim 100000",
    "train --run-dir {}/a --objective.beta -1", "train --run-dir {}/a --train.learning-rate 1e309",
    "train --run-dir {}/a --train.max-gigabytes -1", "train --run-dir {}/a --train.seed 99999999999999999999",
    "train --run-dir {}/a --data.name npz", "train --run-dir {}/a --data.name npz --data.path /dev/zero",
    "train --run-dir {}/a --data.name folder --data.path /dev/null",
    "train --run-dir {}/a --data.name folder --data.path {out}", "train --resume {out}",
    "train --resume /dev/null", "train --resume {}", "train --more-epochs 3", "train", "evaluate {out}",
    "evaluate /dev/null", "evaluate {run} --at 123456", "evaluate {run} --at \x1b[2J", "evaluate {run} --seed -1",
    "evaluate {run} --importance 0", "evaluate {run} --importance 99999999999", "evaluate {run} --images 5",
    "evaluate {run} --ais --ais-steps 0", "leak {out}", "leak {run} --at 99999999999999999999",
    "export {run} --to /dev/null/x.zip", "export {out} --to {}/x.zip", "export {run} --to {out}/secret.json",
    "sweep --name \x1b[2J --betas 1 --runs {}", "sweep --name a --betas -1 --runs {}", "reproduce \x1b[2J",
    "reproduce none", "data list --root {out}/secret.json", "dashboard --runs {out}/secret.json",
    "dashboard --port 99999999", "dashboard --runs {} --address \x1b[2J",
    "train --run-dir {}/a --train.device none", "\x1b[2J", "evaluate", "import",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=[ascii(command)[:60] for command in COMMANDS])
def test_a_command(
    command: str,
    tmp_path: Path,
    outside: Path,
    trained_run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {"{}": tmp_path / "here", "{out}": outside, "{run}": trained_run.path}
    monkeypatch.setattr("os.execv", lambda *_: sys.exit(3))  # what starts the server
    words = []
    for word in command.split(" "):
        for place, path in places.items():
            word = word.replace(place, str(path))
        words.append(word)
    with pytest.raises(SystemExit) if "data list" not in command else contextlib.suppress(SystemExit):
        main(words)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    if said.startswith("error: "):
        check_clean(said.removeprefix("error: ").rstrip("\n"))


# Requests ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port(root: Path) -> Iterator[int]:
    """A server with one run."""
    with pytest.MonkeyPatch.context() as patch, socket.socket() as listener:
        patch.setenv(settings.RUNS_VARIABLE, str(root))
        app = Starlette(routes=routes.routes(), middleware=routes.middleware(), lifespan=routes.lifespan)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            routes._streams.closing = True
            server.should_exit = True
            thread.join(10)
            lru.clear()


VALUES = (
    "",
    "-1",
    "0.5",
    "1e9",
    "999999999999999999999",
    "NaN",
    "\x1b[2J",
    "../..",
    "x" * 5000,
    "1," * 4000,
    "０",
    "\0",
)
QUERIES = {
    "sheet.png": ("num", "seed", "at", "kind", "y"),
    "decode": ("z", "at", "y"),
    "decoder.onnx": ("at",),
    "originals": ("rows", "part"),
    "latent": ("at", "part"),
    "path.gif": ("from", "frames", "at"),
    "truth": ("z", "index"),
    "diagnosis": ("at", "threshold"),
    "side-by-side": ("runs", "num"),
    "projection": ("method", "at"),
}
IDS = (
    "..",
    "%2e%2e",
    "short%2f..%2fshort",
    "short\0",
    "",
    "x" * 300,
    "%00",
    "%1b%5b2J",
    "SHORT",
    "short.",
    ".short",
    "%e2%80%ae",
)


def ask(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * MOST_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        return answer


def check_answer(answer: http.client.HTTPResponse) -> None:
    assert answer.status < 500 or answer.status == 503
    body: bytes = answer.body  # type: ignore[attr-defined]
    assert len(body) < 64 << 20
    if answer.status >= 400 and body.startswith(b"{"):
        check_clean(str(json.loads(body)["error"]))


@pytest.mark.parametrize("value", VALUES, ids=[ascii(value)[:12] for value in VALUES])
@pytest.mark.parametrize("route", QUERIES)
def test_a_request(route: str, value: str, port: int) -> None:
    for name in QUERIES[route]:
        check_answer(ask(port, f"/api/runs/short/{route}?{name}={quote(value)}"))


@pytest.mark.parametrize("run", IDS, ids=[ascii(run)[:20] for run in IDS])
def test_an_address(run: str, port: int) -> None:
    for route in ("snapshots", "decode?z=0,0", "originals"):
        answer = ask(port, f"/api/runs/{quote(run, safe='%')}/{route}")
        check_answer(answer)
        assert answer.status >= 400
