"""Somebody's networks are found wherever they are held, and calling them changes nothing in their program."""

from __future__ import annotations

import dataclasses
import functools
import random
import sys
import threading
import types
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vae.watching.isolation import undisturbed
from vae.watching.reachable_modules import reached, unwrapped

X = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))


def network() -> nn.Sequential:
    """Dropout draws, and batch normalisation and spectral normalisation remember."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        normed = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6))
        return nn.Sequential(normed, nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 4))


NET = network()
BOX = types.SimpleNamespace(net=network())
CALLS = 0


def of_a_global(x: Tensor) -> Tensor:
    global CALLS
    CALLS += 1
    return NET(x)


def of_a_global_two_calls_away(x: Tensor) -> Tensor:
    return of_a_global(x)


def of_a_global_in_a_box(x: Tensor) -> Tensor:
    return BOX.net(x)


class Slotted:
    __slots__ = ("net",)

    def __init__(self) -> None:
        self.net = network()

    def encode(self, x: Tensor) -> Tensor:
        return self.net(x)


class Plain:
    def __init__(self) -> None:
        self.parts = {"net": [network()]}
        self.calls, self.log, self.running = 0, [0.0], torch.zeros(1)
        self.own = torch.Generator().manual_seed(1)
        self.rng, self.old, self.py = np.random.default_rng(1), np.random.RandomState(1), random.Random(1)

    def encode(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.log.append(float(x.sum()))
        self.running += 1
        noise = (
            torch.rand(x.shape, generator=self.own) * self.rng.random() * self.old.rand() * self.py.random()
        )
        self.last = self.parts["net"][0](x + noise * random.random() * np.random.rand() * torch.rand(()))
        return self.last

    __call__ = encode


@dataclasses.dataclass
class Record:
    net: nn.Module
    seen: deque[int] = dataclasses.field(default_factory=deque)

    def encode(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        return self.net(x)


class Counting(nn.Module):
    """A module that counts in a buffer, keeps its last answer, and has layers that it never registered."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.hidden = [network()]
        self.mean: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.mean = self.hidden[0](x)
        self.register_buffer("late", torch.ones(1), persistent=False)
        return self.mean


def of_a_closure() -> Callable[[Tensor], Tensor]:
    nets, calls = {"encoder": network()}, 0

    def encode(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return nets["encoder"](x)

    return encode


def with_a_hook() -> nn.Module:
    net, seen = network(), []
    net[0].register_forward_hook(lambda *_: seen.append(1))
    net.seen = seen  # type: ignore[assignment]
    return net


def behind_a_weak_reference() -> Callable[[Tensor], Tensor]:
    net = network()
    HIDDEN.append(net)
    reference = weakref.ref(net)
    return lambda x: reference()(x)  # type: ignore[misc]


def out_of_sight() -> Callable[[Tensor], Tensor]:
    """By a name that is not in the code as a name."""
    HIDDEN.append(network())
    return lambda x: vars(sys.modules[__name__])["HID" + "DEN"][-1](x)


HIDDEN: list[nn.Module] = []

HELD: dict[str, Callable[[], Any]] = {
    "module": network,
    "bound method of a module": lambda: network().forward,
    "plain object": Plain,
    "bound method of a plain object": lambda: Plain().encode,
    "slots": lambda: Slotted().encode,
    "dataclass": lambda: Record(network()).encode,
    "closure over a dict": of_a_closure,
    "global": lambda: of_a_global,
    "global two calls away": lambda: of_a_global_two_calls_away,
    "global in a box": lambda: of_a_global_in_a_box,
    "lambda in a partial": lambda: functools.partial(lambda net, x: net(x), network()),
    "keyword of a partial": lambda: functools.partial(lambda x, net: net(x), net=network()),
    "default of an argument": lambda: lambda x, net=network(): net(x),  # noqa: B008
    "layers that were not registered": Counting,
    "data parallel": lambda: nn.DataParallel(network()),
    "a hook that logs": with_a_hook,
    "behind a weak reference": behind_a_weak_reference,
    "out of sight": out_of_sight,
}


def networks_of(function: Any) -> list[nn.Module]:
    return reached(function).networks or HIDDEN[:1]


def state(function: Any) -> dict[str, Any]:
    """Everything of a program that calling a function might change, as values."""
    within = reached(function)
    modules = [part for net in networks_of(function) for part in net.modules()]
    return {
        "modes": [module.training for module in modules],
        "buffers": [buffer.clone() for module in modules for buffer in module.buffers()],
        "weights": [weight.clone() for module in modules for weight in module.parameters()],
        "gradients": [weight.grad for module in modules for weight in module.parameters()],
        "asks": [weight.requires_grad for module in modules for weight in module.parameters()],
        "attributes": [sorted(vars(module)) for module in modules],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules],
        "objects": [dict(vars(holder)) for holder in within.holders if hasattr(holder, "__dict__")],
        "containers": [list(container) for container in within.containers],
        "arrays": [np.array(array.tolist()) for array in within.arrays],
        "variables": [cell.cell_contents for cell in within.cells] + [CALLS],
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # type: ignore[index]
        "torch": torch.get_rng_state(),
        "generators": [
            str(own.get_state() if hasattr(own, "get_state") else own.__reduce__())
            for own in within.generators
        ],
        "grad mode": torch.is_grad_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "types": (torch.get_default_dtype(), torch.get_default_device()),
        "threads": torch.get_num_threads(),
        "filters": list(warnings.filters),
        "streams": (sys.stdout, sys.stderr),
    }


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor | np.ndarray):
        return bool(
            np.array_equal(
                np.asarray(one.detach() if isinstance(one, Tensor) else one),
                np.asarray(other.detach() if isinstance(other, Tensor) else other),
            )
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    return bool(one is other or one == other)


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert {name: value for name, value in after.items() if not same(before[name], value)} == {}


@pytest.mark.parametrize("as_in_training", [False, True])
@pytest.mark.parametrize("held", HELD)
def test_calling_leaves_no_trace_wherever_the_network_is_held(held: str, as_in_training: bool) -> None:
    HIDDEN.clear()
    function = HELD[held]()
    before = state(function)
    with undisturbed(function, as_in_training=as_in_training):
        function(X)
        if not as_in_training and "object" not in held:
            assert same(function(X), function(X)), "it was evaluated: dropout and statistics stand still"
    assert_same(before, state(function))
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    found = function(X)
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    assert torch.equal(found, HELD[held]()(X))  # and what it computes next is what it would have computed


@pytest.mark.parametrize("held", [held for held in HELD if held != "out of sight"])
def test_networks_are_found_without_a_call(held: str) -> None:
    found = reached(HELD[held]())
    assert any(isinstance(part, nn.BatchNorm1d) for part in found.modules())
    tops = {id(network) for network in found.networks}
    inner = {id(part) for network in found.networks for part in list(network.modules())[1:]}
    assert not tops & inner


def test_two_functions_of_one_network_have_one(tmp_path: object) -> None:
    both = Plain()
    both.second = both.parts["net"][0]  # type: ignore[attr-defined]
    assert len(reached(both.encode, lambda z: both.second(z)).networks) == 1  # type: ignore[attr-defined]


def test_wrappers_are_taken_off() -> None:
    net = network()
    compiled = torch.compile(net, backend="eager")
    spread = nn.DataParallel(compiled)
    for wrapped in (compiled, spread, nn.DataParallel(net)):
        assert unwrapped(wrapped) is net
        assert reached(wrapped).networks == [net]
    function = torch.compile(of_a_closure(), backend="eager")
    assert unwrapped(function).__name__ == "encode"
    assert len(reached(function).networks) == 1
    plain = Plain()
    assert unwrapped(plain) is plain and unwrapped(plain.encode) == plain.encode


def test_a_compiled_network_is_not_compiled_anew() -> None:
    torch._dynamo.reset()
    net, frames = network(), []

    def backend(graph: Any, _inputs: Any) -> Any:
        frames.append(graph)
        return graph.forward

    compiled = torch.compile(net, backend=backend)
    compiled(X)
    num = len(frames)
    with undisturbed(lambda x: compiled(x)):
        compiled(X)
        compiled(X[:3])
    assert len(frames) == num
    compiled(X)
    assert len(frames) == num
    torch._dynamo.reset()


def test_what_raises_leaves_no_trace_either() -> None:
    plain = Plain()
    before = state(plain.encode)

    def broken(x: Tensor) -> Tensor:
        plain.encode(x)
        torch.set_grad_enabled(True)
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"), undisturbed(broken):
        broken(X)
    assert_same(before, state(plain.encode))


def test_nothing_is_printed_or_warned_of_and_what_was_shown_is_not_shown_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def loud(x: Tensor) -> Tensor:
        print("shape", x.shape)  # noqa: T201
        print("careful", file=sys.stderr)  # noqa: T201
        warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
        return x

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):  # a warning of one line is shown once
            warnings.warn("once", UserWarning, stacklevel=1)
            with undisturbed(loud):
                loud(X)
        loud(X)
    assert [str(one.message) for one in caught] == ["once", "deprecated"]
    out, err = capfd.readouterr()
    assert (out, err) == (f"shape {X.shape}\n", "careful\n")


def test_other_threads_are_heard_meanwhile(capfd: pytest.CaptureFixture[str]) -> None:
    with undisturbed(NET):
        other = threading.Thread(target=lambda: print("from elsewhere"))  # noqa: T201
        other.start()
        other.join()
        print("from here")  # noqa: T201
    assert capfd.readouterr().out == "from elsewhere\n"


def test_networks_that_other_threads_train_meanwhile_are_let_alone() -> None:
    theirs = network()
    with undisturbed(NET):
        other = threading.Thread(target=lambda: theirs(X))
        other.start()
        other.join()
        assert theirs.training and theirs[1].training
    assert int(theirs[1].num_batches_tracked) == 1  # type: ignore[arg-type]


def test_precision_devices_and_modes_of_the_program_are_its_own() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.device("meta"):
            before = state(NET)
            with undisturbed(NET):
                assert not torch.is_autocast_enabled("cpu") and not torch.is_grad_enabled()
                assert torch.zeros(1).device.type == "cpu"
                assert NET(X).dtype == torch.float32
            assert_same(before, state(NET))
    finally:
        torch.set_default_dtype(torch.float32)


def test_gradients_that_wait_are_not_disturbed() -> None:
    net = network().eval()  # running statistics are part of the graph
    expected = torch.autograd.grad(net(X).square().sum(), net[0].parameters())
    loss = net(X).square().sum()
    with undisturbed(net):
        net(X)
    for found, one in zip(torch.autograd.grad(loss, net[0].parameters()), expected, strict=True):
        assert torch.equal(found, one)


def test_a_walk_ends_in_a_world_of_circles_and_crowds() -> None:
    crowd: dict[str, Any] = {"numbers": list(range(100_000)), "big": torch.zeros(1 << 20)}
    crowd["self"], crowd["net"] = crowd, NET
    found = reached(lambda x: crowd["net"](x))
    assert found.networks == [NET]
    assert not any(array is crowd["big"] for array in found.arrays)
    crowd["numbers"].append(1)
    before = list(crowd["numbers"])
    with undisturbed(found):
        crowd["numbers"].append(2)
    assert crowd["numbers"] == before
