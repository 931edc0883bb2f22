"""A trainer that is told to stop by signals: the second leaves out what can be made again, and no step."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.short_runs import (
    RARE,
    create,
    events,
    kept_step,
)
from vae.latent.embedding import embed as plain_embed
from vae.latent.embedding import kept_embedding
from vae.training import trainer as engine
from vae.training.trainer import Trainer
from vae.training.worker import stopping_on_signals


@pytest.fixture
def _signals_as_before() -> Iterator[None]:
    numbers_ = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers_}
    yield
    for number, handler in before.items():
        assert signal.getsignal(number) == handler


@pytest.mark.usefixtures("_signals_as_before", "every_step")
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_leaves_out_what_can_be_made_again_and_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: int
) -> None:
    def embedding(*_: object) -> Any:
        raise AssertionError("it was to be left out")

    monkeypatch.setattr(engine, "embed", embedding)
    run, dataset = create(tmp_path / "a", RARE)
    trainer = Trainer(run, dataset)
    with stopping_on_signals(trainer) as received:
        for report in trainer.train():
            if report.line["step"] == 5 and report.kind == "train" and not received:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), second)
    assert received == [signal.SIGINT, second]
    assert run.status().state == "stopped"
    assert kept_step(run) == run.status().step > 0
    assert not events(run, "no latent positions")


@pytest.mark.usefixtures("_signals_as_before")
def test_a_second_signal_breaks_off_the_latent_positions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(model: Any, *arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            plain_embed(model, *arguments)
        raise AssertionError("it was not broken off")

    monkeypatch.setattr(engine, "embed", endless)
    run, dataset = create(tmp_path / "a", RARE)
    trainer = Trainer(run, dataset)
    with stopping_on_signals(trainer):
        for report in trainer.train():
            if report.line.get("event") == "start":
                os.kill(os.getpid(), signal.SIGTERM)
    assert run.status().state == "stopped"
    assert kept_embedding(run) is None


def test_in_another_thread_no_signal_is_heard_and_none_is_touched(tmp_path: Path) -> None:
    run, dataset = create(tmp_path / "a", RARE)
    before, failed = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        try:
            trainer = Trainer(run, dataset)
            with stopping_on_signals(trainer):
                assert signal.getsignal(signal.SIGINT) == before
                for _ in trainer.train():
                    pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed
    assert run.status().state == "finished"
