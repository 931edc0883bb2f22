"""Whatever holds numbers or text, as an array: tensors, lists, data frames, masked arrays, arrays of Python objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae.data.types import DataError
from vae.errors import first_line


def as_array(values: Any) -> NDArray[Any]:
    """Anything that holds numbers or text as an array of one plain type; half precision becomes single.

    Raises:
        DataError: If it is none, its rows differ in shape, its values are of several kinds, or some are masked.
    """
    try:
        if isinstance(values, Tensor):
            dense = values.detach().to_dense() if values.layout != torch.strided else values.detach()
            dense = dense.cpu()
            return (dense.float() if dense.dtype in (torch.bfloat16, torch.float16) else dense).numpy()
        found = np.asanyarray(values)
    except Exception as error:  # whatever somebody's own array raises
        raise DataError(
            f"data must be arrays in which all rows have one shape, and this says: {first_line(error)}; use "
            "numpy.stack, or pass (images, labels)"
        ) from error
    if isinstance(found, np.ma.MaskedArray):
        if num := int(np.ma.count_masked(found)):
            raise DataError(
                f"data must have all of its values, got {num:,} of {found.size:,} masked; fill them in with "
                "filled(0), or leave these images out"
            )
        found = found.data
    return _plain(np.asarray(found)) if found.dtype == object else np.asarray(found)


def _plain(objects: NDArray[Any]) -> NDArray[Any]:
    """An array of Python objects as one of text, whole numbers or numbers."""
    kinds = {_kind(value) for value in objects.flat}
    if kinds == {"text"}:
        return objects.astype(str)
    if kinds <= {"truth", "whole numbers"} and len(kinds) == 1:
        return objects.astype(bool if kinds == {"truth"} else np.int64)
    if kinds and kinds <= {"whole numbers", "numbers"}:
        return objects.astype(np.float64)
    got = " and ".join(sorted(kinds)[:4]) or "nothing"
    raise DataError(
        f"data must have values of one kind, numbers or text, got {got}; leave out what is missing, and use "
        "astype(str) or astype(float)"
    )


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "truth"
    if isinstance(value, int | np.integer) and -(2**63) <= int(value) < 2**63:
        return "whole numbers"
    if isinstance(value, float | np.floating):
        return "numbers"
    return f"objects of type {type(value).__name__[:30]}"
