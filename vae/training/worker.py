"""A pre-warmed process that waits for a run to train, because loading takes longer than a person waits."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vae.config.schema import ModelConfig, RunConfig, TrainConfig
from vae.data.dataset import load_dataset
from vae.runs.run import Run
from vae.runs.run_dataset import images_of
from vae.runs.status import LOG
from vae.runtime.cpu_threads import suit
from vae.runtime.memory_reuse import keep_freed_memory
from vae.storage.confined import open_anew
from vae.storage.scratch import scratch
from vae.training.preconditions import check_trainable
from vae.training.run_log import what_went_wrong
from vae.training.trainer import Trainer


def wait_and_train() -> None:
    """Train the run whose directory comes as a line on standard input; end quietly when whoever started us is gone.

    Behind a zero byte, the line has the identity of the run that is meant: another one in its place is left alone.
    """
    warm_up()
    path, _, identity = sys.stdin.buffer.readline().rstrip(b"\n").partition(b"\0")
    if not path:
        return
    run = Run.open(Path(os.fsdecode(path)))
    if identity and run.identity != identity.decode():
        return
    _print_into(run.path / LOG)
    check_trainable(run)  # else the run stays what it is: nothing of it has failed
    try:
        trainer = Trainer(run, images_of(run))
        suit(trainer.model, run.config.train.batch_size)
        keep_freed_memory()
        with stopping_on_signals(trainer):
            for _ in trainer.train(afresh=False):
                pass
    except Exception as error:
        run.fail(what_went_wrong(error))
        raise


def warm_up() -> None:
    """Train a tiny model in a scratch folder: whatever is slow the first time has then been done."""
    config = RunConfig(
        model=ModelConfig(hidden=(2,)), train=TrainConfig(epochs=1, batch_size=1000, num_snapshots=2)
    )
    with suppress(OSError), scratch() as folder:
        dataset = load_dataset(config.data)
        for _ in Trainer(Run.create(folder / "warm-up", config, dataset.info()), dataset).train():
            pass


@contextmanager
def stopping_on_signals(trainer: Trainer) -> Iterator[list[int]]:
    """The first signal to end stops after the current step and keeps a checkpoint, as Stop on the Train page does.

    A second one leaves out what can be made again, the last snapshot and the latent positions; a third ends at once.
    Only a process's main thread hears signals: in another thread nothing changes.

    Yields:
        The signals that came, while the block lasts.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def stop(number: int, _frame: object) -> None:
        received.append(number)
        trainer.stop_requested = True
        if len(received) > 1:
            trainer.is_hurried = True
            for heard in before:
                signal.signal(heard, signal.SIG_DFL)

    # Ctrl-C, an order, and the terminal's end. What a shell (&) or nohup has had ignored stays so.
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_into(log: Path) -> None:
    """From here on nothing ties us to whoever started us."""
    for opened, descriptors in ((os.open(os.devnull, os.O_RDONLY), (0,)), (open_anew(log), (1, 2))):
        for descriptor in descriptors:
            os.dup2(opened, descriptor)
        os.close(opened)
