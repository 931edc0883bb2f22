"""The root of all errors that a user can cause and mend."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user asked for cannot be; the message gives rule, value and remedy in one sentence.

    The command line prints it and exits with code 2; the dashboard shows it in place of the part that failed.
    """


def memory_sentence(error: Exception) -> str | None:
    """What to do when the memory of the machine or of its GPU is used up; None if that is not what happened."""
    # By name and text: torch raises a plain RuntimeError for the CPU, and this module does not import torch.
    said = str(error)
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "allocate memory" in said
    ):
        return (
            "the model and its batches must fit into memory, and do not; use a smaller train.batch_size, or narrower "
            "model.hidden or model.channels"
        )
    return None
