"""What a trainer says of itself (`status.json`) and what the user wants of it (`control.json`)."""

from __future__ import annotations

import socket
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from vae.config.base import Config
from vae.errors import clean

State = Literal[
    "new",
    "queued",
    "starting",
    "running",
    "paused",
    "finished",
    "stopped",
    "diverged",
    "failed",
    "interrupted",
    "unknown",
]

#: States of a trainer that is at work.
ACTIVE: tuple[State, ...] = ("starting", "running", "paused")

#: File of a run with what its trainer printed, if the dashboard started it.
LOG = "trainer.log"

#: A trainer of another host that has not been heard of for so many seconds counts as gone.
SILENCE = 15.0

#: What is told of a run that says that it waits for its turn, while nobody keeps the queue that it waits in.
NOT_STARTED = "it says that it is queued, but nothing here has queued it; press Train to start it"


class Status(Config):
    """What the trainer does, as it last said.

    Readers conclude three states: `new` (there is no status yet), `interrupted` (a trainer says that it is at
    work, and is not) and `unknown` (the file makes no sense).
    """

    state: State = "new"
    pid: int | None = Field(None, ge=1, le=2**31)
    host: str = Field("", max_length=255)
    #: Unix time of the last sign of life, seconds.
    heartbeat: float = Field(0.0, ge=0)
    step: int = Field(0, ge=0)
    #: Passes over the training images so far, with the part of the present one.
    epoch: float = Field(0.0, ge=0)
    #: Steps of the whole run.
    num_steps: int = Field(0, ge=0)
    #: Seconds of training so far, pauses left out.
    seconds: float = Field(0.0, ge=0)
    images_per_second: float = Field(0.0, ge=0)
    #: β of the last step, or as it was set by hand since then.
    beta: float | None = Field(None, ge=0)
    #: Target of the rate (nats) and learning rate of the last step, where the run's plan moves them.
    capacity: float | None = Field(None, ge=0)
    learning_rate: float | None = Field(None, ge=0)
    #: What its products are taken in, where that is not float32.
    precision: Literal["bf16"] | None = None
    #: Step of the newest weights that pages may show (`live.safetensors`).
    live_step: int | None = Field(None, ge=0)
    #: Why it ended, fit to be shown whoever wrote it.
    error: Annotated[str, Field(max_length=10_000), AfterValidator(clean)] | None = None

    @property
    def is_active(self) -> bool:
        """Whether a trainer is at work, or says so."""
        return self.state in ACTIVE


class Control(Config):
    """What the user wants of the trainer; it looks several times a second."""

    command: Literal["run", "pause", "step", "stop"] = "run"
    #: Weight of the rate set by hand; None follows the schedule.
    beta: float | None = Field(
        None, ge=0, le=10_000, json_schema_extra={"remedy": "use 0 to drop the KL term"}
    )
    #: Number of single steps asked for so far: the trainer makes one each time it has grown.
    steps: int = Field(0, ge=0, le=2**53)
    #: Pace set by hand; 0 is full speed, None follows the run's own setting.
    max_images_per_second: int | None = Field(
        None, ge=0, le=2**53, json_schema_extra={"remedy": "use 0 for full speed"}
    )


def this_host() -> str:
    """The name of this machine, as a status carries it."""
    return socket.gethostname()[:255]
