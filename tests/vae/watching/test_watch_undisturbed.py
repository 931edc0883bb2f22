"""A program computes bit for bit what it computes unwatched, and hears nothing of it, whatever it is made of."""

from __future__ import annotations

import logging
import random
import sys
import types
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.loops import Net, bce, kl_divergence, lines_of, pixels, seeded, watch
from vae.data.dataset import Dataset


class Restless(Net):
    """Everything that remembers, draws or counts when it is called."""

    def __init__(self) -> None:
        super().__init__()
        spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(24, 24))
        self.body = nn.Sequential(nn.Linear(64, 24), nn.BatchNorm1d(24), nn.Tanh(), spectral, nn.Dropout(0.2))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.own, self.last = torch.Generator().manual_seed(1), None

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        noise = torch.randn(x.shape, generator=self.own) * random.random() * np.random.rand()
        self.last = super().encode(x + 0.01 * noise)
        return self.last  # type: ignore[return-value]


class Loud(Net):
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        print("encoding", tuple(x.shape))  # noqa: T201
        warnings.warn("slow", UserWarning, stacklevel=1)
        return super().encode(x)


class Frozen(Net):
    def __init__(self) -> None:
        super().__init__()
        self.body.requires_grad_(False).eval()


def hooked() -> Net:
    model, seen = Net(), []
    model.seen = seen  # type: ignore[assignment]
    model.body.register_forward_hook(lambda *_: seen.append(1))
    return model


def held_in_an_object(model: Net) -> dict[str, Any]:
    box = types.SimpleNamespace(nets={"vae": model})
    return {"encoder": lambda x: box.nets["vae"].encode(x), "decoder": lambda z: box.nets["vae"].decode(z)}


def of_methods(model: Net) -> dict[str, Any]:
    return {"encoder": model.encode, "decoder": model.decode}


MODELS: dict[str, tuple[Callable[[], Net], Callable[[Net], dict[str, Any]]]] = {
    "plain": (Net, of_methods),
    "whole": (Net, lambda model: {"model": model}),
    "restless": (Restless, of_methods),
    "restless in an object": (Restless, held_in_an_object),
    "compiled": (Net, lambda model: {"model": torch.compile(model, backend="eager")}),
    "data parallel": (Restless, lambda model: {"model": nn.DataParallel(model)}),
    "loud": (Loud, of_methods),
    "frozen in part": (Frozen, of_methods),
    "hooked": (hooked, of_methods),
    "double precision": (lambda: Net().double(), of_methods),
    "not to be exported": (
        Restless,
        lambda model: {
            "encoder": model.encode,
            "decoder": lambda z: torch.from_numpy(model.decode(z).detach().numpy()),
        },
    ),
}


#: What no exporter follows: a generator of one's own, and numpy.
PICTURELESS = [kind for kind in MODELS if MODELS[kind][0] is Restless]


def program(model: Net, images: Tensor, watched: Callable[[Net], Any], around: Any) -> dict[str, Any]:
    """A loop, and all that it leaves: weights, gradients, moments, buffers, modes, random states, what it kept."""
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], 1e-2)
    images = images.to(next(model.parameters()).dtype)
    losses = []
    with around, watched(model) as watcher:
        for _ in range(8):
            x = images[torch.randint(len(images), (32,))]
            mean, log_var = model.encode(x)
            logits = model.decode(model.reparameterize(mean, log_var))
            reconstruction, kl = bce(logits, x), kl_divergence(mean, log_var)
            optimizer.zero_grad()
            (reconstruction + kl).backward()
            optimizer.step()
            losses.append(float((reconstruction + kl).detach()))
            if watcher is not None:
                watcher.step(reconstruction=reconstruction, kl=kl)
    return {
        "losses": losses,
        "state": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "gradients": [weight.grad for weight in model.parameters()],
        "asked": [weight.requires_grad for weight in model.parameters()],
        "moments": [entry["exp_avg_sq"] for entry in optimizer.state.values()],
        "modes": [module.training for module in model.modules()],
        "own": model.own.get_state() if hasattr(model, "own") else None,
        "seen": len(getattr(model, "seen", ())),
        "random": (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()),  # type: ignore[index]
        "settings": (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()),
        "attributes": [sorted(vars(module)) for module in model.modules()],
    }


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is measured and written at every step."""
    monkeypatch.setattr("vae.watching.record.METRICS_SECONDS", 0.0)
    monkeypatch.setattr("vae.watching.record.LIVE_SECONDS", 0.0)
    for name in ("LINE_SHARE", "LIVE_SHARE", "EVALUATION_SHARE"):
        monkeypatch.setattr(f"vae.watching.record.{name}", float("inf"))


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    ("kind", "around"),
    [
        *((kind, "nothing") for kind in MODELS),
        *((kind, around) for kind in ("whole", "restless") for around in ("autocast", "no warnings")),
    ],
)
def test_a_program_computes_what_it_computes_unwatched(
    kind: str, around: str, tmp_path: Path, digits: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    make, networks = MODELS[kind]
    images = pixels(digits)

    def within() -> Any:
        return torch.autocast("cpu", dtype=torch.bfloat16) if around == "autocast" else nullcontext()

    filters = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if around != "no warnings" else "error")
        if kind == "loud":
            warnings.simplefilter("always")
        expected = program(
            seeded(make), images, lambda model: nullcontext(networks(model) and None), within()
        )
        alone = capfd.readouterr()
        found = program(
            seeded(make),
            images,
            lambda model: watch(
                tmp_path / "own",
                data=digits,
                batch_size=400,
                quietly=kind in PICTURELESS,
                **networks(model),
            ),
            within(),
        )
        watched = capfd.readouterr()
    assert {name for name in expected if not same(expected[name], found[name])} == set()
    assert watched.out == alone.out
    assert watched.err == alone.err
    assert list(warnings.filters) == filters
    assert (tmp_path / "own" / "status.json").read_text().count('"finished"') == 1
    from vae.runs.run import Run

    assert len(lines_of(Run.open(tmp_path / "own"), "train")) > 4  # it was measured all the while


def test_nothing_of_the_exporter_is_heard(
    tmp_path: Path, digits: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    model = seeded(Net)

    def odd(z: Tensor) -> Tensor:
        return torch.linalg.lu_factor(model.decode(z).unflatten(1, (8, 8)))[0].flatten(1)  # no ONNX has it

    logging.getLogger("torch.onnx").setLevel(logging.NOTSET)
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=odd, data=digits)
    watcher.close()
    assert "cannot" in watcher.problem and len(watcher.problem) <= 400 and watcher.problem.isprintable()
    assert capfd.readouterr() == ("", "")
    assert watcher.run.status().state == "finished"
    assert sys.stdout is not None
