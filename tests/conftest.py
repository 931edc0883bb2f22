"""What several test files share: small models, real digits, a short finished run, and MNIST where it is at hand."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vae.runtime.cpu_threads import share_cores

share_cores()  # before torch is imported
if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests at work side by side share the cores, and so does all that they start: threads that wait for each other
    # while another worker has the core take many times as long.
    cores = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))

import torch  # noqa: E402

from vae.config.schema import DataConfig, DataInfo, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.data.readers.torchvision import is_downloaded  # noqa: E402
from vae.models.vae import VAE  # noqa: E402
from vae.runs.run import Run  # noqa: E402

# Servers, trainers and commands are started again and again: what they load is compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that starts the tests in the background lets them ignore Ctrl-C, and all that they start with them; nohup does
# so with a closed terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

MakeInfo = Callable[..., DataInfo]
MakeModel = Callable[..., VAE]


@pytest.fixture(scope="session", autouse=True)
def _own_notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The queue of these tests is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_wait_for_the_disk() -> Iterator[None]:
    """What a process wrote outlives it without this, also where it is killed; a power cut, which needs it, has no test.

    Tests of what is written through to the disk, and of a disk that fails, put their own in its place.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # refuses a descriptor that is none, too
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_look_at_packages() -> Iterator[None]:
    """For each page without a browser Streamlit reads what every installed package says of itself: most of its time."""
    if "streamlit" not in sys.modules:
        yield
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        found = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", found)
        yield


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Small matrices gain nothing from threads, which wait for each other after every product."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of metrics, and one look at the user's wishes, at each step: no number depends on the clock."""
    monkeypatch.setattr("vae.training.run_log.METRICS_SECONDS", 0.0)
    monkeypatch.setattr("vae.training.control.CONTROL_SECONDS", 0.0)
    monkeypatch.setattr("vae.training.trainer.CONTROL_SECONDS", 0.01)


@pytest.fixture(scope="session")
def make_info() -> MakeInfo:
    """Makes the description of tiny images: ``make_info(channels=3, height=7, num_classes=0)``."""

    def make(*, channels: int = 1, height: int = 5, width: int = 4, num_classes: int = 3) -> DataInfo:
        return DataInfo(
            channels=channels,
            height=height,
            width=width,
            class_names=tuple(str(number) for number in range(num_classes)),
            num_train=60,
            num_validation=20,
            num_test=20,
            fingerprint="0" * 16,
        )

    return make


@pytest.fixture(scope="session")
def tiny_info(make_info: MakeInfo) -> DataInfo:
    """One channel, 5 × 4 pixels, three classes."""
    return make_info()


@pytest.fixture(scope="session")
def make_model(tiny_info: DataInfo) -> MakeModel:
    """Makes a small model in double precision from a seed: ``make_model(conditional=True, info=…)``."""

    def make(
        *, info: DataInfo = tiny_info, seed: int = 0, dtype: torch.dtype = torch.float64, **options: Any
    ) -> VAE:
        small: dict[str, Any] = {"hidden": (6,), "channels": (2, 3), "latent_dim": 2, "activation": "tanh"}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return VAE(ModelConfig(**{**small, **options}), info).to(dtype)

    return make


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """scikit-learn's 1,797 real digits, with the default split; not to be changed."""
    return load_dataset(DataConfig())


@pytest.fixture(scope="session")
def trained_run(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of three epochs on the digits, seed 7, with four snapshots; not to be changed."""
    from vae.training.trainer import Trainer

    config = RunConfig(
        model=ModelConfig(hidden=(16,)),
        train=TrainConfig(epochs=3, batch_size=64, seed=7, device="cpu", num_snapshots=4),
    )
    run = Run.create(tmp_path_factory.mktemp("runs") / "short", config, digits.info())
    for _ in Trainer(run, digits).train():
        pass
    return run


@pytest.fixture(scope="module")
def root(trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with `short`, a copy of the trained run."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(trained_run.path, folder / "short")
    return folder


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder with MNIST as torchvision keeps it: LATENT_LAB_MNIST_ROOT, or shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("LATENT_LAB_MNIST_ROOT", beside))
    if not is_downloaded("mnist", root):
        pytest.skip(
            f"needs MNIST, and {root} has none; set LATENT_LAB_MNIST_ROOT to a folder of torchvision's"
        )
    return root


class Forker:
    """Starts `vae` commands as processes of their own, in a tenth of a second each; see forker.py."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers, self._lock = folder, itertools.count(), threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "support" / "forker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == '"ready"\n'

    def ask(self, **request: Any) -> Any:
        """Send a request, and get the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def start(self, *arguments: object, **more: Any) -> Forked:
        """Start a command: ``start("train", "--resume", path)``."""
        output = self._folder / f"output-{next(self._numbers)}"
        pid = self.ask(arguments=list(map(str, arguments)), output=str(output), **more)
        return Forked(self, pid, output)

    def standby(self) -> Forked:
        """Start a trainer that waits for a line on its standard input, like `dashboard.jobs.trainers` does."""
        pipe = self._folder / f"input-{next(self._numbers)}"
        os.mkfifo(pipe)
        started = self.start("train", "--standby", input=str(pipe))
        started.stdin = pipe.open("wb")
        return started

    def close(self) -> None:
        """End it; its processes go on."""
        self._process.communicate()
        assert self._process.returncode == 0


class Forked:
    """One process of a forker, to be used like a Popen."""

    stdin: Any = None
    returncode: int | None = None

    def __init__(self, forker: Forker, pid: int, output: Path) -> None:
        self._forker, self.pid, self._output = forker, pid, output

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal. However long it takes: tests have a time limit of their own."""
        if self.returncode is None:
            self.returncode = self._forker.ask(wait=self.pid)
        assert self.returncode is not None
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code; None while it lives."""
        if self.returncode is None:
            self.returncode = self._forker.ask(poll=self.pid)
        return self.returncode

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    @property
    def output(self) -> str:
        """What it printed, on standard output and error."""
        return self._output.read_text()


@pytest.fixture(scope="session")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    """Starts `vae` commands as processes of their own, without loading torch for each."""
    if not hasattr(os, "fork"):
        pytest.skip("needs a system that forks")
    started = Forker(tmp_path_factory.mktemp("output"))
    yield started
    started.close()


@pytest.fixture
def empty_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty folder of runs for pages without a browser: none of them shipped, and no trainer that starts."""
    from dashboard import settings
    from dashboard.cache import lru
    from dashboard.jobs.trainers import trainers
    from tests.support.settling import settled

    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(settings, "shipped_root", lambda: tmp_path / "shipped")
    monkeypatch.setattr(trainers, "start", lambda run: None)
    lru.clear()
    yield tmp_path / "runs"
    settled()
    lru.clear()
