"""A pretended GPU without double precision, as Apple's are: it computes on the CPU and refuses what such a one would.

Within `fake_gpu` a tensor of the device ``mps`` is a `OnGpu`, which holds a CPU tensor that does the work. Whatever an
operation takes or gives is looked at: double precision on the device, in whatever way it came to be, and tensors of two
devices in one operation are errors. So is a conversion that moves and widens at once, which PyTorch does on the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map

GPU = torch.device("mps", 0)
_WIDE = (torch.float64, torch.complex128)
#: Operations that take tensors of two devices.
_MOVES = ("_to_copy", "copy_", "index", "index_put_", "_index_put_impl_", "index_put")


class NotOnGpu(RuntimeError):
    """The device cannot do this."""


class OnGpu(torch.Tensor):
    """A tensor of the pretended device."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnGpu:
        made: OnGpu = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=torch.device("meta"),  # the backward pass needs no threads of the device then
            requires_grad=inner.requires_grad,
            dispatch_device=True,
        )
        made.inner = inner
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return GPU

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        return False

    def __repr__(self, **options: Any) -> str:
        return f"OnGpu({self.inner!r})"

    def tolist(self) -> Any:
        return self.inner.tolist()

    def numpy(self, **options: Any) -> Any:
        raise NotOnGpu("a tensor of a GPU has no numpy array; use .cpu() first")

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with _Guard():
            return func(*args, **(kwargs or {}))


class _Guard(TorchDispatchMode):
    """Runs every operation on the CPU, and says where its result is."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.prim.device.default:
            return torch.device("meta")  # what C++ is told
        kwargs = dict(kwargs or {})
        taken = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        on_gpu = [value for value in taken if isinstance(value, OnGpu)]
        asked = kwargs.get("device")
        is_moved = asked is not None
        to_gpu = torch.device(asked).type in (GPU.type, "meta") if is_moved else bool(on_gpu)
        name = func.overloadpacket.__name__
        if name == "copy_":
            to_gpu = isinstance(args[0], OnGpu)
        if (
            on_gpu
            and name not in _MOVES
            and any(value.dim() > 0 for value in taken if not isinstance(value, OnGpu))
        ):
            raise NotOnGpu(f"{func} got tensors of two devices")
        if is_moved and to_gpu:
            kwargs["device"] = torch.device("cpu")
        made = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
        given = [value for value in tree_flatten(made)[0] if isinstance(value, torch.Tensor)]
        # What comes from the CPU is narrowed there, before it is sent; what comes from the device is widened there.
        comes = not on_gpu or (name == "copy_" and not isinstance(args[1], OnGpu))
        wide = [
            value.dtype in _WIDE for value in ([*on_gpu, *given] if to_gpu and comes else [*taken, *given])
        ]
        if (on_gpu or to_gpu) and any(wide):
            raise NotOnGpu(f"{func} has double precision to do with the GPU; use .cpu() first, then widen")
        if not to_gpu:
            return made
        wrapped = tree_map(lambda value: OnGpu(value) if isinstance(value, torch.Tensor) else value, made)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnGpu) else value


class _Numbered(TorchFunctionMode):
    """The device by its name alone is its first."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        def numbered(value: Any) -> Any:
            if isinstance(value, torch.device):
                return GPU if value.type == GPU.type else value
            return GPU if isinstance(value, str) and value in (GPU.type, str(GPU)) else value

        if func is torch.device:  # its making, by a name or a number
            made = func(*args, **(kwargs or {}))
            return GPU if made.type == GPU.type else made
        if func is torch.Tensor.to and len(args) > 1 and isinstance(other := args[1], OnGpu):
            args = (args[0], GPU, other.dtype)  # C++ would ask the other where it is
        return func(*tree_map(numbered, args), **tree_map(numbered, kwargs or {}))


class _Generator(torch.Generator):
    """One for the device draws on the CPU."""

    def __new__(cls, device: Any = "cpu") -> _Generator:
        return super().__new__(cls, "cpu")


@contextmanager
def fake_gpu() -> Iterator[torch.device]:
    """The pretended device is there."""
    torch._C._set_only_lift_cpu_tensors(True)  # or torch.tensor goes past the guard
    try:
        with (
            mock.patch("torch.Generator", _Generator),
            mock.patch("torch.mps.get_rng_state", lambda: torch.get_rng_state()),
            mock.patch("torch.mps.set_rng_state", lambda state: torch.set_rng_state(state)),
            _Numbered(),
            _Guard(),
        ):
            yield GPU
    finally:
        torch._C._set_only_lift_cpu_tensors(False)
