"""Encoder and decoder of a training script, as text."""

from __future__ import annotations

from itertools import pairwise
from textwrap import dedent, indent

from vae.config.schema import DataInfo, RunConfig
from vae.models.networks import sizes_when_halved

#: Letters of a line of layers.
_WIDTH = 112
_ACTIVATIONS = {"relu": "nn.ReLU", "tanh": "nn.Tanh", "silu": "nn.SiLU"}


def encoder_text(config: RunConfig, info: DataInfo) -> str:
    """The encoder's class."""
    model = config.model
    num_conditions = info.num_classes if model.conditional else 0
    layers, size = stem_layers(config, info, num_conditions)
    for num_in, num_out in pairwise([size, *model.hidden]):
        layers += [f"nn.Linear({num_in}, {num_out})", f"{_ACTIVATIONS[model.activation]}()"]
    last = [size, *model.hidden][-1]
    before, taken = "", "x"
    if num_conditions and model.network == "conv":
        before = "\nplanes = y[:, :, None, None].expand(-1, -1, *x.shape[2:])"
        taken = "torch.cat([x, planes], 1)"
    elif num_conditions:
        taken = "torch.cat([x.flatten(1), y], 1)"
    given = ", y)" if num_conditions else ")"
    forward = (
        f"{before}\nfeatures = self.features({taken})\nreturn self.mean(features), self.log_var(features)"
    )
    return f'''
class Encoder(nn.Module):
    """q(z|x) = N(μ, diag σ²): an image{" and its one-hot condition" if num_conditions else ""} to μ and log σ²."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
{_lines(layers)}
        )
        self.mean, self.log_var = nn.Linear({last}, LATENT_DIM), nn.Linear({last}, LATENT_DIM)

    def forward(self, x{given}:{indent(forward, "        ")}
'''


def stem_layers(config: RunConfig, info: DataInfo, num_conditions: int) -> tuple[list[str], int]:
    """The layers before the fully connected ones, and how many numbers come out of them."""
    model = config.model
    if model.network == "mlp":
        return ([] if num_conditions else ["nn.Flatten()"]), info.num_pixels + num_conditions
    layers = []
    for num_in, num_out in pairwise([info.channels + num_conditions, *model.channels]):
        layers += [
            f"nn.Conv2d({num_in}, {num_out}, 3, stride=2, padding=1)",
            f"{_ACTIVATIONS[model.activation]}()",
        ]
    sides = [sizes_when_halved(side, len(model.channels))[-1] for side in (info.height, info.width)]
    return [*layers, "nn.Flatten()"], model.channels[-1] * sides[0] * sides[1]


def decoder_text(config: RunConfig, info: DataInfo) -> str:
    """The decoder's class, and that of its last layer where the run has one of its own."""
    model = config.model
    # See `vae.models.initialisation.GreyImages`.
    as_product = config.train.precision == "bf16" and model.network == "conv" and info.channels == 1
    num_conditions = info.num_classes if model.conditional else 0
    layers = []
    sizes = [model.latent_dim + num_conditions, *reversed(model.hidden)]
    for num_in, num_out in pairwise(sizes):
        layers += [f"nn.Linear({num_in}, {num_out})", f"{_ACTIVATIONS[model.activation]}()"]
    if model.network == "mlp":
        layers += [
            f"nn.Linear({sizes[-1]}, {info.num_pixels})",
            f"nn.Unflatten(1, ({info.channels}, {info.height}, {info.width}))",
        ]
        made = f"\nself.output = nn.Sequential(\n{_lines(layers, 1)}\n)"
    else:
        num = len(model.channels)
        heights, widths = sizes_when_halved(info.height, num), sizes_when_halved(info.width, num)
        start = (model.channels[-1], heights[-1], widths[-1])
        images = [f"nn.Unflatten(1, {start})"]
        for layer, (num_in, num_out) in enumerate(pairwise([*reversed(model.channels), info.channels])):
            extra = (1 - heights[-2 - layer] % 2, 1 - widths[-2 - layer] % 2)
            images += [f"{_ACTIVATIONS[model.activation]}()"] if layer else []
            kind = "ToGrey" if as_product and num_out == 1 else "nn.ConvTranspose2d"
            images.append(f"{kind}({num_in}, {num_out}, 3, stride=2, padding=1, output_padding={extra})")
        # In the order in which the run drew its weights.
        made = f"\nhidden = nn.Sequential(\n{_lines(layers, 1)}\n)" if layers else ""
        made += f"\nimages = nn.Sequential(\n{_lines(images, 1)}\n)"
        flat = f"nn.Linear({sizes[-1]}, {start[0] * start[1] * start[2]}), {_ACTIVATIONS[model.activation]}()"
        made += f"\nself.output = nn.Sequential({'hidden, ' if layers else ''}{flat}, images)"
    init, before, after, given = "", "", "return self.output(z)", "z"
    if model.learned_prior:
        init += f"""
# A learned Gaussian prior for each class, as a change of variables: u of N(0, I) becomes z.
self.prior_mean = nn.Parameter(torch.zeros({num_conditions}, LATENT_DIM))
self.prior_log_scale = nn.Parameter(torch.zeros({num_conditions}, LATENT_DIM))"""
    if num_conditions:
        given += ", y"
        point = (
            "y @ self.prior_mean + torch.exp(y @ self.prior_log_scale) * z" if model.learned_prior else "z"
        )
        before += f"z = torch.cat([{point}, y], 1)\n"
    init += made
    if model.decoder == "autoregressive":
        given += ", x"
        init += _made_layers(config, info)
        after = _MADE.strip("\n")
    body = indent(before + after, "        ")
    return (
        (_TO_GREY if as_product else "")
        + f'''
class Decoder(nn.Module):
    """z{" and the condition" if num_conditions else ""} to {_OUTPUTS[model.likelihood]}."""

    def __init__(self):
        super().__init__(){indent(init, "        ")}

    def forward(self, {given}):
{body}
'''
    )


def _made_layers(config: RunConfig, info: DataInfo) -> str:
    num, hidden = info.num_pixels, config.model.hidden[0] if config.model.hidden else 0
    activation = _ACTIVATIONS[config.model.activation]
    return dedent(f"""
        # Each pixel also sees those before it (MADE): masked weights, here (from, to).
        pixel, unit = torch.arange({num}), torch.arange({hidden}) * {max(1, num - 1)} // {max(1, hidden)}
        masks = (pixel[:, None] < pixel, pixel[:, None] <= unit, unit[:, None] < pixel)
        for name, mask in zip(("direct", "into", "out"), masks):
            self.register_buffer("mask_" + name, mask)
            bound = 1 / max(1, len(mask)) ** 0.5
            setattr(self, name, nn.Parameter(torch.empty(mask.shape).uniform_(-bound, bound)))
        self.hidden_bias, self.activation = nn.Parameter(torch.zeros({hidden})), {activation}()""")


_TO_GREY = """
class ToGrey(nn.ConvTranspose2d):  # to one channel: as a matrix product, which is faster in bfloat16 on the CPU
    def forward(self, x):
        sides = [2 * side - 1 + extra for side, extra in zip(x.shape[2:], self.output_padding)]
        columns = (x.permute(0, 2, 3, 1).flatten(1, 2) @ self.weight.flatten(1)).transpose(1, 2)
        return F.fold(columns, sides, 3, padding=1, stride=2) + self.bias[:, None, None]
"""
_MADE = """
direct, into, out = (getattr(self, name) * getattr(self, "mask_" + name) for name in ("direct", "into", "out"))
logits, before = self.output(z).flatten(1), x.flatten(1)
hidden = self.activation(before @ into + self.hidden_bias)
return (logits + hidden @ out + before @ direct).view_as(x)
"""
_OUTPUTS = {
    "bernoulli": "the logit of each pixel",
    "continuous-bernoulli": "the logit of each pixel",
    "gaussian": "the mean of each pixel",
    "gaussian-learned": "the mean of each pixel",
}


def _lines(layers: list[str], depth: int = 3) -> str:
    """Layers as arguments, as many in a line as fit."""
    lines: list[str] = []
    for layer in layers:
        if lines and len(lines[-1]) + len(layer) < _WIDTH:
            lines[-1] += f" {layer},"
        else:
            lines.append(f"{'    ' * depth}{layer},")
    return "\n".join(lines)
