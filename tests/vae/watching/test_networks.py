"""Networks as people have them: each is called and read as in its own loop; or one sentence says why not."""

from __future__ import annotations

import dataclasses
import types
import warnings
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

import vae
from tests.support.loops import Net, lines_of, pixels, seeded, train, watch
from vae.data.dataset import Dataset
from vae.errors import UserError
from vae.models.priors import gaussian_kl
from vae.runs.snapshots import load_model
from vae.watching.datasets import given
from vae.watching.interpretation import Said
from vae.watching.setup import Watched, set_up

DIMS = 4
Posterior = namedtuple("Posterior", ["mu", "sigma"])


@dataclasses.dataclass
class Output:
    recon: Tensor
    q_mean: Tensor
    q_logvar: Tensor


@pytest.fixture
def pictures() -> None:
    """Networks are exported and kept."""


@pytest.fixture(autouse=True)
def without_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only what is understood: nothing is exported to be kept, except where a test says so."""
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr(
            "vae.watching.setup.Exports", lambda *_: types.SimpleNamespace(problem="none are wanted")
        )
    yield


def understood(data: Any, tmp_path: Path, **options: Any) -> Watched:
    """Set up as `vae.watch` does, without a run."""
    seen = given(data, tmp_path / "own", 0.1, options.pop("scale", None))
    networks = [options.pop(name, None) for name in ("encoder", "decoder", "model")]
    usual = {
        "latent_dim": None,
        "likelihood": "auto",
        "sigma": None,
        "conditional": None,
        "encoder_gives": "auto",
        "decoder_gives": "auto",
        "epochs": None,
    }
    return set_up(seen, *networks, Said(**{**usual, **options}))


def posterior(watched: Watched, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return watched.model.posterior(x, y)


# What encoders give --------------------------------------------------------------------------------------------------


def z_of(model: Net, mean: Tensor, log_var: Tensor) -> Tensor:
    return model.reparameterize(mean, log_var)


def with_z(model: Net) -> Callable[[Tensor], Any]:
    def encode(x: Tensor) -> Any:
        mean, log_var = model.encode(x)
        return z_of(model, mean, log_var), mean, log_var

    return encode


def softplus_std(model: Net) -> Callable[[Tensor], Any]:
    return lambda x: (model.encode(x)[0], F.softplus(model.encode(x)[1]) + 1e-6)


class Sampled(Net):
    """Draws z only while it trains, as many do, and gives it first."""

    def encode(self, x: Tensor) -> Any:  # type: ignore[override]
        mean, log_var = super().encode(x)
        z = self.reparameterize(mean, log_var) if self.training else mean
        return z, mean, log_var


#: How an encoder is made of a model, and the log-variance that it means by the model's second output.
ENCODERS: dict[str, tuple[Callable[[Net], Any], Callable[[Tensor], Tensor]]] = {
    "pair": (lambda m: m.encode, lambda s: s),
    "list": (lambda m: lambda x: list(m.encode(x)), lambda s: s),
    "both halves": (lambda m: lambda x: torch.cat(m.encode(x), 1), lambda s: s),
    "z first": (with_z, lambda s: s),
    "z last": (lambda m: lambda x: (*m.encode(x), z_of(m, *m.encode(x))), lambda s: s),
    "z between": (lambda m: lambda x: (m.encode(x)[0], z_of(m, *m.encode(x)), m.encode(x)[1]), lambda s: s),
    "z, log-variance, mean": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[1], m.encode(x)[0]),
        lambda s: s,
    ),
    "z, mean and standard deviation": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()),
        lambda s: s,
    ),
    "z, mean and variance": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[0], m.encode(x)[1].exp()),
        lambda s: s,
    ),
    "z, mean and log standard deviation": (
        lambda m: lambda x: (with_z(m)(x)[0], m.encode(x)[0], 0.5 * m.encode(x)[1]),
        lambda s: s,
    ),
    "whole model, reconstruction first": (lambda m: lambda x: m(x), lambda s: s),
    "whole model, reconstruction, input, mean, log-variance": (
        lambda m: lambda x: [m(x)[0], x, *m.encode(x)],
        lambda s: s,
    ),
    "whole model, mean, log-variance, reconstruction": (
        lambda m: lambda x: (*m.encode(x), m(x)[0]),
        lambda s: s,
    ),
    "dict": (
        lambda m: lambda x: {"logvar": m.encode(x)[1], "mu": m.encode(x)[0], "z": with_z(m)(x)[0]},
        lambda s: s,
    ),
    "dict of a whole model": (
        lambda m: lambda x: dict(zip(("recon", "z_mean", "z_log_var"), m(x), strict=True)),
        lambda s: s,
    ),
    "dataclass": (lambda m: lambda x: Output(m(x)[0], *m.encode(x)), lambda s: s),
    "namedtuple with a sigma": (
        lambda m: lambda x: Posterior(m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()),
        lambda s: s,
    ),
    "Normal": (lambda m: lambda x: Normal(m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()), lambda s: s),
    "Independent Normal beside z": (
        lambda m: (
            lambda x: (with_z(m)(x)[0], Independent(Normal(m.encode(x)[0], (0.5 * m.encode(x)[1]).exp()), 1))
        ),
        lambda s: s,
    ),
    "diagonal MultivariateNormal": (
        lambda m: lambda x: MultivariateNormal(m.encode(x)[0], torch.diag_embed(m.encode(x)[1].exp())),
        lambda s: s,
    ),
    "softplus": (softplus_std, lambda s: 2 * (F.softplus(s) + 1e-6).log()),
    "exponential of half": (lambda m: lambda x: (m.encode(x)[0], (m.encode(x)[1] / 2).exp()), lambda s: s),
    "clamped log-variance": (
        lambda m: lambda x: (m.encode(x)[0], m.encode(x)[1].clamp(-10, 10)),
        lambda s: s,
    ),
    "log-variance that is above 0": (
        lambda m: lambda x: (m.encode(x)[0], m.encode(x)[1] + 9),
        lambda s: s + 9,
    ),
    "latent images": (
        lambda m: lambda x: tuple(part.unflatten(1, (1, 2, 2)) for part in m.encode(x)),
        lambda s: s,
    ),
    "lambda": (lambda m: lambda x: m.encode(x.flatten(1)), lambda s: s),
}


@pytest.mark.parametrize("form", ENCODERS)
def test_what_an_encoder_gives_is_read_as_its_loop_reads_it(
    form: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    encoder, log_var = ENCODERS[form]
    decode = (lambda z: model.decode(z.flatten(1))) if form == "latent images" else model.decode
    watched = understood(digits, tmp_path, encoder=encoder(model), decoder=decode)
    x = pixels(digits)[:20]
    with torch.no_grad():
        mean, raw = model.encode(x)
    found = posterior(watched, x)
    torch.testing.assert_close(found, (mean, log_var(raw)), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        z = mean.unflatten(1, (1, 2, 2)) if form == "latent images" else mean
        expected = torch.sigmoid(decode(z)).unflatten(1, (1, 8, 8))
        torch.testing.assert_close(watched.model.decode(mean), expected)


def test_z_that_is_drawn_in_training_alone_is_not_taken_for_the_mean(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Sampled)
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=model.decode)
    x = pixels(digits)[:20]
    with torch.no_grad():
        torch.testing.assert_close(posterior(watched, x), Net.encode(model, x))


def test_heads_of_zeros_are_mean_and_log_variance_all_the_same(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    with torch.no_grad():
        for head in (model.mean, model.log_var):
            head.weight.zero_(), head.bias.zero_()
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=model.decode)
    assert [float(part.abs().max()) for part in posterior(watched, pixels(digits)[:4])] == [0, 0]


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        (
            lambda m: lambda x: m.encode(x)[0],
            "the latent point itself; pass a function that returns mean and log_var",
        ),
        (
            lambda m: lambda x: with_z(m)(x)[0],
            "sampled again in each call; pass a function that returns these two",
        ),
        (lambda m: lambda x: (*m.encode(x), 2 * m.encode(x)[0]), "nothing says which are which"),
        (lambda m: lambda x: {"features": x[:, :3]}, "encoder must"),
        (
            lambda m: lambda x: torch.distributions.Laplace(m.encode(x)[0], m.encode(x)[1].exp()),
            "got Laplace",
        ),
        (
            lambda m: lambda x: MultivariateNormal(m.encode(x)[0], torch.eye(4) + 0.5),
            "whose dimensions are independent, got MultivariateNormal",
        ),
        (lambda m: lambda x: m.encode(x[:, :, :7]), "encoder must take images of shape"),
        (lambda m: 3, "encoder must be a module or function, got int"),
        (lambda m: nn.Sequential(nn.Flatten(), nn.LazyLinear(8)), "make them at their first call; call"),
        (lambda m: None, "encoder must be a module or function, got none"),
    ],
)
def test_what_is_no_posterior_is_refused_with_its_remedy(
    encoder: Callable[[Net], Any], sentence: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of lazy layers
        with pytest.raises(UserError) as refusal:
            understood(digits, tmp_path, encoder=encoder(model), decoder=model.decode, conditional=False)
    assert sentence in str(refusal.value)
    assert len(str(refusal.value)) <= 400


# Whole models, and how images go in -----------------------------------------------------------------------------------


class Conv(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 8)
        )
        self.decoder = nn.Sequential(
            nn.Linear(4, 64), nn.Unflatten(1, (4, 4, 4)), nn.ConvTranspose2d(4, channels, 2, 2)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_var = self.encoder(x).chunk(2, 1)
        return self.decoder(mean + torch.exp(log_var / 2) * torch.randn_like(mean)), mean, log_var


@pytest.mark.parametrize("how", ["model", "both", "compiled", "parallel", "object"])
def test_a_whole_model_is_taken_by_its_methods(how: str, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    whole: Any = {
        "compiled": lambda: torch.compile(model, backend="eager"),
        "parallel": lambda: nn.DataParallel(model),
        "object": lambda: types.SimpleNamespace(encode=model.encode, decode=model.decode),
    }.get(how, lambda: model)()
    networks = {"encoder": whole, "decoder": whole} if how == "both" else {"model": whole}
    watched = understood(digits, tmp_path, **networks)
    x = pixels(digits)[:5]
    with torch.no_grad():
        torch.testing.assert_close(posterior(watched, x), model.encode(x))


def test_a_model_of_two_parts_without_methods_is_taken_by_them(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Conv)
    watched = understood(digits, tmp_path, model=model)
    x = pixels(digits)[:5]
    with torch.no_grad():
        torch.testing.assert_close(posterior(watched, x), model.encoder(x).chunk(2, 1))


def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (80, 6, 5, 3), np.uint8)


@pytest.mark.parametrize("is_flat", [True, False])
def test_channels_stay_where_the_loop_has_them(is_flat: bool, tmp_path: Path) -> None:
    images = colour()
    layer = seeded(lambda: nn.Linear(90, 8))
    seen: list[Tensor] = []

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        if is_flat:
            assert x.dim() == 2
        else:
            assert x.shape[1:] == (6, 5, 3)
        seen.append(x)
        return layer(x.flatten(1)).chunk(2, 1)  # type: ignore[return-value]

    seen_by_decoder = seeded(lambda: nn.Linear(4, 90))
    decode = seen_by_decoder if is_flat else lambda z: seen_by_decoder(z).unflatten(1, (6, 5, 3))
    watched = understood(images, tmp_path, encoder=encode, decoder=decode)
    x = watched.dataset.pixels(watched.dataset.images[:3])
    posterior(watched, x)
    expected = torch.from_numpy(images[:3]).float() / 255
    torch.testing.assert_close(seen[-1].reshape(3, 6, 5, 3), expected)
    z = torch.randn(2, 4)
    with torch.no_grad():
        made = torch.sigmoid(seen_by_decoder(z)).unflatten(1, (6, 5, 3)).permute(0, 3, 1, 2)
        torch.testing.assert_close(watched.model.decode(z), made)


def test_images_without_a_channel_go_in_as_they_are(tmp_path: Path, digits: Dataset) -> None:
    rows = seeded(lambda: nn.GRU(8, 8, batch_first=True))

    def encode(x: Tensor) -> Any:
        assert x.dim() == 3
        return rows(x)[0][:, -1].chunk(2, 1)

    watched = understood(digits, tmp_path, encoder=encode, decoder=nn.Linear(4, 64))
    assert posterior(watched, pixels(digits)[:2])[0].shape == (2, 4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_networks_of_any_precision_are_called_in_it(
    dtype: torch.dtype, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net).to(dtype)
    watched = understood(digits, tmp_path, model=model)
    x = pixels(digits)[:5]
    with torch.no_grad():
        expected = tuple(part.float() for part in model.encode(x.to(dtype)))
    torch.testing.assert_close(posterior(watched, x), expected)
    assert next(model.parameters()).dtype == dtype


# The condition -------------------------------------------------------------------------------------------------------


class Conditional(Net):
    """Takes the label in one of the ways; at one network only, if it is told so."""

    def __init__(self, way: str, at: str = "both") -> None:
        super().__init__()
        self.way, self.at = way, at
        self.into = nn.Embedding(10, 64) if way == "labels" else nn.Linear(10, 64)
        self.onto = nn.Embedding(10, DIMS) if way == "labels" else nn.Linear(10, DIMS)


def conditional(way: str, at: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    model = seeded(lambda: Conditional(way, at))

    def encode(x: Tensor, *y: Tensor) -> Any:
        if at == "decoder":
            assert not y
            return model.encode(x.view(-1, 64))
        if way == "joined":
            assert not y and x.shape[1] == 74
            return model.encode(x[:, :64] + model.into(x[:, 64:]))
        (label,) = y
        return model.encode(x.flatten(1) + model.into(label))

    def decode(z: Tensor, *y: Tensor) -> Any:
        if at == "encoder":
            assert not y and z.shape[1] == DIMS
            return model.decode(z)
        if way == "joined":
            assert not y and z.shape[1] == DIMS + 10
            return model.decode(z[:, :DIMS] + model.onto(z[:, DIMS:]))
        (label,) = y
        return model.decode(z + model.onto(label))

    return encode, decode


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("at", ["both", "encoder", "decoder"])
@pytest.mark.parametrize("way", ["one-hot", "labels", "joined"])
def test_the_condition_goes_where_the_loop_puts_it(
    way: str, at: str, said: bool, tmp_path: Path, digits: Dataset
) -> None:
    encode, decode = conditional(way, at)
    options = {"conditional": "labels" if way == "labels" else True} if said else {}
    watched = understood(digits, tmp_path, encoder=encode, decoder=decode, **options)
    assert watched.model.config.conditional
    x, y = pixels(digits)[:5], torch.tensor([0, 3, 3, 9, 1])
    other = (y + 1) % 10
    z = torch.randn(5, DIMS)
    with torch.no_grad():
        assert torch.equal(posterior(watched, x, y)[0], posterior(watched, x, other)[0]) is (at == "decoder")
        assert torch.equal(watched.model.decode(z, y), watched.model.decode(z, other)) is (at == "encoder")
    said_how = " ".join(watched.guesses)
    assert ("gets the class" in said_how) is not said


def test_a_condition_that_nobody_takes_is_refused(tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)
    with pytest.raises(UserError, match="conditional must be left out where neither network takes"):
        understood(digits, tmp_path, model=model, conditional="one-hot")
    with pytest.raises(UserError, match="needs labels, got images without"):
        understood(digits.images.numpy(), tmp_path, model=model, conditional="one-hot")


# What decoders give ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "gives", "likelihood", "scale"),
    [
        (nn.Identity(), "raw", "bernoulli", (0, 1)),
        (nn.Sigmoid(), "probabilities", "bernoulli", (0, 1)),
        (nn.Hardsigmoid(), "probabilities", "bernoulli", (0, 1)),
        (nn.Tanh(), "raw", "gaussian", (-1, 1)),
    ],
)
def test_what_a_decoder_ends_in_says_what_it_gives(
    head: nn.Module, gives: str, likelihood: str, scale: tuple[float, float], tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    with torch.no_grad():
        model.out[2].weight.zero_(), model.out[2].bias.zero_()  # the values say nothing
    decoder = nn.Sequential(model.out, head)
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=decoder)
    assert watched.decoder.gives == gives
    assert watched.model.config.likelihood == likelihood
    assert (watched.scale.low, watched.scale.high) == scale
    assert not watched.may_reread & {"decoder"}
    if likelihood == "gaussian":
        assert watched.model.config.sigma == pytest.approx(0.5**0.5 / 2)
        seen: list[Tensor] = []
        watched.encoder.function = lambda x: (seen.append(x), model.encode(x))[1]
        posterior(watched, torch.tensor([0.0, 1.0]).repeat(32).reshape(1, 1, 8, 8))
        assert sorted(set(seen[0].flatten().tolist())) == [-1, 1]


def numpy_only(net: nn.Sequential) -> Callable[[Tensor], Tensor]:
    """A decoder that no exporter can follow: its values alone say what it gives."""

    def decode(z: Tensor) -> Tensor:
        return torch.from_numpy(net(z).detach().numpy())

    return decode


@pytest.mark.parametrize(
    ("end", "gives"), [("sigmoid", "probabilities"), ("linear", "raw"), ("zeros", "raw")]
)
def test_where_no_graph_is_seen_values_say_what_a_decoder_gives(
    end: str, gives: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    layers = [model.out, nn.Sigmoid()] if end == "sigmoid" else [model.out]
    if end == "zeros":
        with torch.no_grad():
            model.out[2].weight.zero_(), model.out[2].bias.zero_()
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=numpy_only(nn.Sequential(*layers)))
    assert watched.decoder.gives == gives
    assert ("decoder" in watched.may_reread) is (end != "linear")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda raw: torch.distributions.Bernoulli(logits=raw),
        lambda raw: Independent(torch.distributions.Bernoulli(logits=raw), 1),
        lambda raw: (raw, torch.zeros(len(raw), 4)),
        lambda raw: {"h": torch.zeros(len(raw), 4), "logits": raw},
    ],
)
def test_images_are_found_in_what_a_decoder_gives(
    wrap: Callable[[Tensor], Any], tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    watched = understood(digits, tmp_path, encoder=model.encode, decoder=lambda z: wrap(model.decode(z)))
    z = torch.randn(3, DIMS)
    with torch.no_grad():
        expected = torch.sigmoid(model.decode(z)).unflatten(1, (1, 8, 8))
        torch.testing.assert_close(watched.model.decode(z), expected)


# From end to end, and again while the loop runs -----------------------------------------------------------------------


def probabilities(model: Any, x: Tensor) -> tuple[Tensor, dict[str, Any]]:
    mean, log_var = model.encode(x)
    p = torch.sigmoid(model.decode(mean + torch.exp(log_var / 2) * torch.randn_like(mean)))
    reconstruction = (p - x.flatten(1)).square().sum(1).mean()
    kl = gaussian_kl(mean, log_var).sum(1).mean()
    return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("is_logits", [True, False])
def test_a_squared_error_that_is_reported_is_a_gaussian(
    is_logits: bool, tmp_path: Path, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    model = seeded(Net)
    decoder = model.decode if is_logits else lambda z: torch.sigmoid(model.decode(z))
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=decoder, data=digits)
    train(model, pixels(digits), watcher, probabilities, steps=20)
    told = capsys.readouterr().err  # a warning, where warnings are no errors
    assert "that your loop reports is a squared error" in told
    watcher.close()
    assert watcher.run.config.model.likelihood == "gaussian"
    assert watcher.run.config.model.sigma == pytest.approx(0.5**0.5)
    event = lines_of(watcher.run, "scale")[-1]
    assert event["reconstruction_ratio"] == pytest.approx(1, rel=0.15)
    assert event["effective_beta"] == pytest.approx(1, rel=0.2)
    assert any("is a squared error" in sentence for sentence in watcher.guesses)
    z = torch.randn(3, DIMS)
    with torch.no_grad():
        expected = torch.sigmoid(model.decode(z)).unflatten(1, (1, 8, 8))
    torch.testing.assert_close(load_model(watcher.run, "last").decode(z), expected, rtol=1e-4, atol=1e-5)
    assert watcher.run.snapshots() and vae.diagnose(watcher.run).verdict.name != "wrong-scale"


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("kind", ["std", "var", "log_std"])
def test_the_reported_kl_says_what_the_spread_is(kind: str, tmp_path: Path, digits: Dataset) -> None:
    model = seeded(Net)

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = model.encode(x)
        return mean, {"std": torch.exp(log_var / 2), "var": torch.exp(log_var), "log_std": log_var / 2}[kind]

    watcher = watch(tmp_path / "own", encoder=encode, decoder=model.decode, data=digits)
    train(model, pixels(digits), watcher, steps=20)
    watcher.close()
    x = pixels(digits)[:10]
    with torch.no_grad():
        expected = model.encode(x)
    torch.testing.assert_close(load_model(watcher.run, "last").posterior(x), expected, rtol=1e-3, atol=1e-3)
    assert lines_of(watcher.run, "scale")[-1]["kl_ratio"] == pytest.approx(1, rel=0.15)


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("at", ["encoder", "decoder"])
def test_a_label_at_one_network_only_can_be_diagnosed(at: str, tmp_path: Path, digits: Dataset) -> None:
    encode, decode = conditional("one-hot", at)
    watcher = watch(tmp_path / "own", encoder=encode, decoder=decode, data=digits)
    watcher.step()
    watcher.close()
    assert not watcher.problem
    found = vae.diagnose(watcher.run)
    assert found.conditional and found.usage.condition is not None
    assert (abs(found.usage.condition.nats) < 1e-6) is (at == "encoder")


@pytest.mark.usefixtures("pictures")
def test_logits_that_begin_as_zeros_are_never_taken_for_probabilities_for_good(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.watching.record.METRICS_SECONDS", 0.0)
    model = seeded(Net)
    with torch.no_grad():
        model.out[2].weight.zero_(), model.out[2].bias.zero_()
    watcher = watch(tmp_path / "own", encoder=model.encode, decoder=numpy_only(model.out), data=digits)
    train(model, pixels(digits), watcher, steps=15)
    watcher.close()
    event = lines_of(watcher.run, "scale")[-1]
    assert event["effective_beta"] == pytest.approx(1, rel=0.2)
    assert watcher._watched.decoder.gives == "raw"


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("form", ["z first", "whole model, reconstruction first", "compiled"])
def test_what_is_drawn_or_compiled_is_exported_all_the_same(
    form: str, tmp_path: Path, digits: Dataset
) -> None:
    model = seeded(Net)
    encoder = torch.compile(model, backend="eager") if form == "compiled" else ENCODERS[form][0](model)
    decoder = torch.compile(model.out, backend="eager") if form == "compiled" else model.decode
    watcher = watch(tmp_path / "own", encoder=encoder, decoder=decoder, data=digits)
    watcher.close()
    assert not watcher.problem
    x = pixels(digits)[:5]
    with torch.no_grad():
        torch.testing.assert_close(
            load_model(watcher.run).posterior(x), model.encode(x), rtol=1e-4, atol=1e-4
        )
