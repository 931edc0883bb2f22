"""The marks of topics: another one as soon as what pages show is another, and the same one while it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard import settings
from dashboard.jobs.queue import Progress, background
from dashboard.server import topics
from dashboard.server.topics import Topic, TopicWatcher
from dashboard.server.watched import Watched
from vae.config.schema import DataInfo, RunConfig
from vae.runs.run import Run
from vae.runs.status import Status, this_host

INFO = DataInfo(
    channels=1,
    height=8,
    width=8,
    class_names=("a", "b"),
    num_train=4,
    num_validation=2,
    num_test=2,
    fingerprint="0",
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(settings.RUNS_VARIABLE, str(tmp_path))
    monkeypatch.setattr(topics, "_FRESH", -1.0)
    return tmp_path


def at_work(step: int, epoch: float, state: str = "running") -> Status:
    return Status(state=state, step=step, epoch=epoch, heartbeat=time.time(), host=this_host())


class TestRuns:
    def test_mark_stays_while_nothing_changes(self, root: Path) -> None:
        Run.create(root / "one", RunConfig(), INFO)
        assert topics.runs.read() == topics.runs.read()

    @pytest.mark.parametrize(
        "change",
        [
            lambda root: Run.create(root / "two", RunConfig(), INFO),
            lambda root: Run.open(root / "one").rename("another name"),
            lambda root: Run.open(root / "one").write_status(at_work(1, 0.1, "stopped")),
            lambda root: Run.open(root / "one").delete(),
            lambda root: (root / "one" / "evaluation.json").write_text("{}"),
            lambda root: (root / "folder").mkdir(),
        ],
        ids=[
            "a new run",
            "a name",
            "a state",
            "a run that goes",
            "figures",
            "a folder that may become a run",
        ],
    )
    def test_mark_is_another_after_a_change(self, root: Path, change: Callable[[Path], object]) -> None:
        Run.create(root / "one", RunConfig(), INFO)
        before, _ = topics.runs.read()
        change(root)
        assert topics.runs.read()[0] != before

    def test_run_at_work_changes_it_with_its_epoch_and_not_with_each_sign_of_life(self, root: Path) -> None:
        run = Run.create(root / "one", RunConfig(), INFO)
        assert not topics.runs.read()[1]
        with run.lock():
            run.write_status(at_work(10, 1.0))
            before, is_busy = topics.runs.read()
            assert is_busy
            run.write_status(at_work(11, 1.01))
            assert topics.runs.read()[0] == before
            run.write_status(at_work(20, 2.0))
            assert topics.runs.read()[0] != before
        # Its trainer has gone without a word: no file says so.
        before, _ = topics.runs.read()
        run.write_status(at_work(20, 2.0).replace(heartbeat=time.time() - 600))
        after, is_busy = topics.runs.read()
        assert after != before and not is_busy


def test_jobs_change_their_mark_with_each_part_that_is_done(root: Path) -> None:
    marks = [topics.jobs.read()]

    def work(progress: Progress) -> None:
        for done in range(3):
            progress(done, 3)
            marks.append(topics.jobs.read())

    background.start("test of topics", work)
    deadline = time.monotonic() + 10
    while (job := background.get("test of topics")) is not None and job.is_open:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    marks.append(topics.jobs.read())
    assert len({mark for mark, _ in marks}) == 5
    assert [is_busy for _, is_busy in marks] == [False, True, True, True, False]


class Heard:
    """Listens."""

    is_open = True

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tell(self, text: str) -> None:
        self.texts.append(text)

    def left(self, watcher: Watched) -> None:
        raise AssertionError("a topic is never gone")


class Counted(Topic):
    name, pause = "@counted", 0.01
    shown = 0

    def _read(self) -> tuple[int, bool]:
        return self.shown, False


def test_listener_is_told_the_mark_at_once_and_then_each_other_one(root: Path) -> None:
    topic, heard = Counted(), Heard()
    watcher = TopicWatcher(topic)
    watcher.subscribe(heard, None)
    assert (
        len(heard.texts) == 1 and topic.read()[0] in heard.texts[0] and '"run":"@counted"' in heard.texts[0]
    )
    topic.shown = 1
    deadline = time.monotonic() + 5
    while len(heard.texts) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    heard.is_open = False
    while watcher.is_watched:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(heard.texts) == 2
