"""A run's configuration as one readable script that trains it with torch alone.

Nothing of this package is imported by the script: whoever reads it sees the whole model, its loss and its training. It
draws the same weights, order and noise as the run, so that on the CPU its losses are the run's.

Source:
    The formulas are those of Kingma & Welling (2014), https://arxiv.org/abs/1312.6114, and where each setting has a
    source of its own, that of the module which trains it here.
"""

from __future__ import annotations

import json
from itertools import pairwise
from textwrap import dedent, indent

from vae.config.registries import BETA_VAE, STANDARD_NORMAL
from vae.config.schema import DataInfo, RunConfig
from vae.errors import UserError
from vae.models.likelihoods import SMALLEST_LEARNED_SIGMA
from vae.models.networks import sizes_when_halved
from vae.objectives.schedules import LAST_STAGE, STEEPNESS
from vae.runtime.seeding import stream_seed
from vae.training.adam import USUAL, WIDE

#: torchvision's classes.
_TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST", "emnist": "EMNIST"}
#: Letters of a line of layers.
_WIDTH = 112
_ACTIVATIONS = {"relu": "nn.ReLU", "tanh": "nn.Tanh", "silu": "nn.SiLU"}


def needs_images_file(config: RunConfig) -> bool:
    """Whether the script needs the training images as a file beside it: its own words cannot name them.

    Own images are read by this package's rules, and static binarisation is drawn by numpy; neither can be said with
    torch, torchvision and scikit-learn alone.
    """
    return config.data.name not in ("digits", *_TORCHVISION) or config.data.binarize == "static"


def training_script(
    config: RunConfig, info: DataInfo, *, images_file: str = "images.bin", max_value: int = 255
) -> str:
    """A script of at most 150 lines that trains this configuration, as text.

    Its function ``train()`` yields loss, distortion and rate of each step, in nats per image.

    Args:
        config: The settings of a run.
        info: Of its images.
        images_file: What the file of the training images beside the script is called, see `needs_images_file`: if
            the model is conditional the labels, int64, ``(N,)``; then the images, bytes, ``(N, C, H, W)``.
        max_value: The byte of a white pixel.

    Raises:
        UserError: If a part of the run is of a class that somebody registered, or of networks that were watched: their
            code is not known here.
    """
    return (
        "\n\n".join(script_parts(config, info, images_file=images_file, max_value=max_value).values()) + "\n"
    )


def script_parts(
    config: RunConfig, info: DataInfo, *, images_file: str = "images.bin", max_value: int = 255
) -> dict[str, str]:
    """The script in parts, in order: data, encoder, decoder, likelihood, schedule, loss, training.

    Raises:
        UserError: As `training_script`.
    """
    _check(config)
    parts = {
        "data": f"{_head(config)}\n{_data(config, info, images_file, max_value)}",
        "encoder": _encoder(config, info),
        "decoder": _decoder(config, info),
        "likelihood": _likelihood(config),
        "schedule": _schedule(config),
        "loss": _loss(config, info),
        "training": _training(config, info),
        "main": _MAIN,
    }
    return {name: text.strip("\n") for name, text in parts.items()}


def _check(config: RunConfig) -> None:
    named = (
        ("model.network", config.model.network, ("mlp", "conv")),
        ("model.likelihood", config.model.likelihood, tuple(_LIKELIHOODS)),
        ("model.prior", config.model.prior, (STANDARD_NORMAL,)),
        ("objective.name", config.objective.name, (BETA_VAE,)),
    )
    for option, value, known in named:
        if value not in known:
            raise UserError(
                f"{option} must be one of {', '.join(known)} to be written as a script, got {value!r}; its code is "
                "yours, so start from a script of a run without it"
            )


# The parts -----------------------------------------------------------------------------------------------------------


def _head(config: RunConfig) -> str:
    model, train = config.model, config.train
    kind = "conditional VAE" if model.conditional else "VAE"
    imports = ["import torch", "import torch.nn.functional as F"]
    if not needs_images_file(config):
        imports += ["from sklearn.datasets import load_digits"] if config.data.name == "digits" else []
        imports += ["from sklearn.utils import shuffle"]
    imports += ["from torch import nn"]
    if not needs_images_file(config) and config.data.name != "digits":
        imports += ["from torchvision import datasets"]
    device = "cpu" if train.device == "auto" else train.device
    plural = "" if model.latent_dim == 1 else "s"
    return f'''"""A {kind} with {model.latent_dim} latent dimension{plural}: loss = −ELBO, in nats per image.
−ELBO = E[−log p(x|z)] + KL(q(z|x) ‖ N(0, I)): the distortion, and the rate, which β weighs. Weights, order and noise
are drawn as in the run that this was exported from: on the CPU the losses are the same.
"""

{chr(10).join(imports)}

DEVICE, LATENT_DIM, EPOCHS, BATCH_SIZE = "{device}", {model.latent_dim}, {train.epochs}, {train.batch_size}
'''


def _data(config: RunConfig, info: DataInfo, images_file: str, max_value: int) -> str:
    data, conditional = config.data, config.model.conditional
    if needs_images_file(config):
        num, shape = info.num_train, f"({info.num_train}, {info.channels}, {info.height}, {info.width})"
        first = 8 * num if conditional else 0
        lines = f"""
            # The file holds {"the labels (int64), then " if conditional else ""}the training images (bytes).
            found = torch.from_file({_quoted(images_file)}, size={first + num * info.num_pixels}, dtype=torch.uint8)
            images, MAX = found[{first}:].view{shape}.to(DEVICE), {max_value}"""
        if conditional:
            lines += f"""
            labels = found[:{first}].view(torch.int64).to(DEVICE)"""
        return dedent(lines) + _pixels(config)
    left_out = info.num_validation
    if data.name == "digits":
        left_out += info.num_test
        total, most = info.num_train + left_out, 16
        lines = f"""
            # scikit-learn's digits; the first {left_out} of a random order are for validation and test.
            digits = load_digits()
            images = torch.tensor(digits.images, dtype=torch.uint8)[:, None]"""
        if conditional:
            lines += """
            labels = torch.tensor(digits.target)"""
    else:
        total, most = info.num_train + left_out, 255
        split = f'split="{data.emnist_split}", ' if data.name == "emnist" else ""
        root = "data" if data.root is None else str(data.root)
        lines = f"""
            # Downloaded if they are not there; {left_out} of the training images are for validation.
            found = datasets.{_TORCHVISION[data.name]}({_quoted(root)}, {split}train=True, download=True)
            images = found.data[:, None]"""
        if data.name == "emnist":
            lines += """
            images = images.transpose(-1, -2)  # the files have them on their sides"""
        if conditional:
            counted = " - 1" if data.name == "emnist" and data.emnist_split == "letters" else ""
            lines += f"""
            labels = found.targets{counted}"""
    text = dedent(lines)
    text += f"\nMAX = {most}  # the byte of a white pixel"
    text += f"\ntrain_part = sorted(shuffle(range({total}), random_state={data.split_seed})[{left_out}:])"
    both = ("images, labels", "images[train_part].to(DEVICE), labels[train_part].to(DEVICE)")
    text += "\n" + " = ".join(both if conditional else ("images", "images[train_part].to(DEVICE)"))
    if data.binarize == "threshold":
        cut = next(byte for byte in range(most + 1) if byte / most >= data.threshold)
        text += f"\nimages = (images >= {cut}).to(torch.uint8) * MAX"
    return text + _pixels(config)


def _pixels(config: RunConfig) -> str:
    if config.data.binarize == "dynamic":
        body = '''
            """Bytes as pixels 0 or 1, drawn again each time: 1 with the probability of the grey."""
            noise = torch.randint(MAX, batch.shape, generator=draw, dtype=torch.uint8, device=batch.device)
            return (noise < batch).float()'''
    else:
        body = '''
            """Bytes as pixels from 0 to 1."""
            return batch.float() / MAX'''
    return "\n\ndef pixels(batch, draw):" + indent(dedent(body), "    ")


def _encoder(config: RunConfig, info: DataInfo) -> str:
    model = config.model
    num_conditions = info.num_classes if model.conditional else 0
    layers, size = _stem(config, info, num_conditions)
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


def _stem(config: RunConfig, info: DataInfo, num_conditions: int) -> tuple[list[str], int]:
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


def _decoder(config: RunConfig, info: DataInfo) -> str:
    model = config.model
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
            images.append(
                f"nn.ConvTranspose2d({num_in}, {num_out}, 3, stride=2, padding=1, output_padding={extra})"
            )
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
        before += "z = y @ self.prior_mean + torch.exp(y @ self.prior_log_scale) * z\n"
    if num_conditions:
        given += ", y"
        before += "z = torch.cat([z, y], 1)\n"
    init += made
    if model.decoder == "autoregressive":
        given += ", x"
        init += _made_layers(config, info)
        after = _MADE.strip("\n")
    body = indent(before + after, "        ")
    return f'''
class Decoder(nn.Module):
    """z{" and the condition" if num_conditions else ""} to {_OUTPUTS[model.likelihood]}."""

    def __init__(self):
        super().__init__(){indent(init, "        ")}

    def forward(self, {given}):
{body}
'''


def _made_layers(config: RunConfig, info: DataInfo) -> str:
    num, hidden = info.num_pixels, config.model.hidden[0] if config.model.hidden else 0
    return dedent(f"""
        # Each pixel also sees those before it (MADE): masked weights, here (from, to).
        pixel, unit = torch.arange({num}), torch.arange({hidden}) * {max(1, num - 1)} // {max(1, hidden)}
        masks = (pixel[:, None] < pixel, pixel[:, None] <= unit, unit[:, None] < pixel)
        for name, mask in zip(("direct", "into", "out"), masks):
            self.register_buffer("mask_" + name, mask)
            bound = 1 / max(1, len(mask)) ** 0.5
            setattr(self, name, nn.Parameter(torch.empty(mask.shape).uniform_(-bound, bound)))
        activation = {_ACTIVATIONS[config.model.activation]}()
        self.hidden_bias, self.activation = nn.Parameter(torch.zeros({hidden})), activation""")


_MADE = """
names = ("direct", "into", "out")
direct, into, out = (getattr(self, name) * getattr(self, "mask_" + name) for name in names)
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

_LIKELIHOODS = {
    "bernoulli": '''
def log_likelihood(output, x):
    """log p(x|z), Bernoulli: the negative cross-entropy, summed over pixels, (B,)."""
    return -F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
''',
    "continuous-bernoulli": '''
def log_likelihood(output, x):
    """log p(x|z), continuous Bernoulli: the Bernoulli's, normalised on [0, 1], summed over pixels, (B,)."""
    near = output.abs() < 0.05  # there the closed form loses digits, and its series has them all
    far, square = torch.where(near, 1.0, output).abs(), output.square()
    series = torch.tensor(2.0).log() + square * (1 / 12 + square * (-7 / 1440 + square * (31 / 90720)))
    log_normaliser = torch.where(near, series, far.log() - torch.tanh(far / 2).log())
    cross_entropy = F.binary_cross_entropy_with_logits(output, x, reduction="none")
    return (log_normaliser - cross_entropy).flatten(1).sum(1)
''',
    "gaussian": '''
SIGMA = torch.tensor({sigma!r}, device=DEVICE)

def log_likelihood(output, x):
    """log p(x|z), Gaussian of standard deviation σ around the output, all constants included, (B,)."""
    squares = ((x - output) / SIGMA).square().flatten(1).sum(1)
    return -0.5 * squares - x[0].numel() * (SIGMA.log() + 0.5 * torch.tensor(2 * torch.pi).log())
''',
    "gaussian-learned": '''
raw_sigma = nn.Parameter(torch.tensor({above!r}, dtype=torch.float64).expm1().log().float().to(DEVICE))

def log_likelihood(output, x):
    """log p(x|z), Gaussian around the output with one learned σ, all constants included, (B,)."""
    sigma = {smallest!r} + F.softplus(raw_sigma)
    squares = ((x - output) / sigma).square().flatten(1).sum(1)
    return -0.5 * squares - x[0].numel() * (sigma.log() + 0.5 * torch.tensor(2 * torch.pi).log())
''',
}


def _likelihood(config: RunConfig) -> str:
    sigma = config.model.sigma
    text = _LIKELIHOODS[config.model.likelihood]
    above = max(sigma - SMALLEST_LEARNED_SIGMA, 1e-4)
    return (
        text.replace("{sigma!r}", repr(sigma))
        .replace("{above!r}", repr(above))
        .replace("{smallest!r}", repr(SMALLEST_LEARNED_SIGMA))
    )


def _schedule(config: RunConfig) -> str:
    objective, train = config.objective, config.train
    match objective.schedule:
        case "constant":
            beta = f"return {objective.beta!r}"
        case "linear":
            beta = f"return {objective.beta!r} * min(1.0, epoch / {objective.warmup_epochs!r})  # a linear warm-up"
        case "sigmoid":
            beta = f"""
# A logistic warm-up, stretched to be 0 at its start and β at its end.
done = min(1.0, epoch / {objective.warmup_epochs!r})
tanh = lambda s: float(torch.tensor(s, dtype=torch.float64).tanh())
return {objective.beta!r} * (0.5 + 0.5 * tanh({STEEPNESS!r} * (done - 0.5) / 2) / tanh({STEEPNESS!r} / 4))"""
        case "cyclical":
            cycle = objective.cycle_epochs
            beta = f"""
# In cycles, of which the first half rises.
return {objective.beta!r} * min(1.0, 2 * (epoch % {cycle!r}) / {cycle!r})"""
    match train.learning_rate_schedule:
        case "constant":
            rate = f"return {train.learning_rate!r}"
        case "stages":
            rate = f"""
# Stage i has 3^i epochs with 10^(−i/{LAST_STAGE}) of the first learning rate.
stage, passed = 0, 1
while epoch >= passed and stage < {LAST_STAGE}:
    stage, passed = stage + 1, passed + 3 ** (stage + 1)
return {train.learning_rate!r} * 10 ** (-stage / {LAST_STAGE})"""
        case "cosine":
            rate = f"""
angle = torch.tensor(torch.pi * min(1.0, epoch / EPOCHS), dtype=torch.float64)
return {train.learning_rate!r} * 0.5 * (1 + float(angle.cos()))"""
    text = '''
def beta_at(epoch):
    """β, the weight of the rate, after so many epochs (with the fraction of the current one)."""
''' + indent(beta.strip("\n"), "    ")
    if train.learning_rate_schedule != "constant":
        text += '''

def learning_rate_at(epoch):
    """Of the epoch that begins after so many."""
''' + indent(rate.strip("\n"), "    ")
    return text


def _loss(config: RunConfig, info: DataInfo) -> str:
    model, objective = config.model, config.objective
    y = ", y" if model.conditional else ""
    x = ", x" if model.decoder == "autoregressive" else ""
    cost = ""
    if objective.capacity:
        target = f"{objective.capacity!r} * min(1.0, epoch / {objective.capacity_epochs!r})"
        cost = f"(rate - {target}).abs()  # pulled to a capacity in nats"
    elif objective.free_bits and objective.free_bits_per == "dimension":
        cost = f"rate_per_dim.clamp(min={objective.free_bits!r}).sum()  # free bits of each dimension"
    elif objective.free_bits:
        cost = f"rate.clamp(min={objective.free_bits!r})  # free bits in total"
    weighed = f"\n    cost = {cost}" if cost else ""
    weighed += f"\n    return distortion + beta_at(epoch) * {'cost' if cost else 'rate'}, distortion, rate"
    one_hot = f"\n    y = F.one_hot(y, {info.num_classes}).float()" if model.conditional else ""
    if config.train.precision == "bf16":
        networks = f"""
    with torch.autocast(DEVICE, torch.bfloat16):  # products alone; weights and sums stay float32
        mean, log_var = (part.float() for part in encoder(x{y}))
    noise = torch.randn(mean.shape, generator=draw, device=mean.device)
    z = mean + torch.exp(0.5 * log_var) * noise  # z = μ + σ ⊙ ε
    with torch.autocast(DEVICE, torch.bfloat16):
        output = decoder(z{y}{x})
    distortion = -log_likelihood(output.float(), x).mean()"""
    else:
        networks = f"""
    mean, log_var = encoder(x{y})
    noise = torch.randn(mean.shape, generator=draw, device=mean.device)
    z = mean + torch.exp(0.5 * log_var) * noise  # z = μ + σ ⊙ ε
    distortion = -log_likelihood(decoder(z{y}{x}), x).mean()"""
    first = one_hot + networks
    given = "x, y, epoch, draw" if model.conditional else "x, epoch, draw"
    return f'''
def loss_of({given}):
    """Loss of a batch, distortion −log p(x|z) and rate KL(q(z|x) ‖ N(0, I)): means, in nats per image."""{first}
    # KL = ½ Σ (σ² + μ² − 1 − log σ²); expm1 keeps the digits of σ² − 1.
    rate_per_dim = 0.5 * (torch.expm1(log_var) + mean.square() - log_var).mean(0)
    rate = rate_per_dim.sum(){weighed}
'''


def _training(config: RunConfig, info: DataInfo) -> str:
    model, train = config.model, config.train
    seeds = {name: stream_seed(train.seed, name) for name in ("weights", "order", "noise", "encoder")}
    layout = ""
    if model.network == "conv" and train.device in ("auto", "cpu"):
        layout = (
            "\nnn.ModuleList([encoder, decoder]).to(memory_format=torch.channels_last)  # faster on the CPU"
        )
    wide = _stem(config, info, info.num_classes if model.conditional else 0)[1] > WIDE
    parameters = "[*encoder.parameters(), *decoder.parameters()"
    parameters += ", raw_sigma]" if model.likelihood == "gaussian-learned" else "]"
    fused = ", fused=True" if train.device in ("auto", "cpu", "cuda") else ""
    options = f"lr={train.learning_rate!r}, eps={train.adam_eps!r}{fused}"
    if wide:
        optimizer = f"""
# A layer with very many inputs takes smaller steps.
is_wide = lambda p: p.dim() == 2 and p.shape[1] > {WIDE}
usual, wide = [p for p in {parameters} if not is_wide(p)], [p for p in {parameters} if is_wide(p)]
groups = [dict(params=usual, scale=1.0), *(dict(params=[p], scale={USUAL} / p.shape[1]) for p in wide)]
optimizer = torch.optim.Adam(groups, {options})
for group in optimizer.param_groups:
    group["lr"] *= group["scale"]"""
    else:
        optimizer = f"\noptimizer = torch.optim.Adam({parameters}, {options})"
    set_rate = ""
    if train.learning_rate_schedule != "constant":
        scale = ' * group["scale"]' if wide else ""
        set_rate = f"""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate_at(epoch){scale}"""
    taken = "pixels(images[rows], noise)" + (", labels[rows]" if model.conditional else "")
    extra = ""
    if train.encoder_steps:
        some = "pixels(images[some], encoder_noise)" + (", labels[some]" if model.conditional else "")
        body = f"""
for _ in range({train.encoder_steps}):  # of the encoder alone, on other images
    some = torch.randint(len(images), (BATCH_SIZE,), generator=encoder_noise, device=DEVICE)
    loss, _, _ = loss_of({some}, now, encoder_noise)
    optimizer.zero_grad()
    loss.backward(inputs=list(encoder.parameters()))
    optimizer.step()"""
        if train.encoder_steps_epochs:
            body = f"\nif now < {train.encoder_steps_epochs!r}:" + indent(body, "    ")
        extra = indent(body, "            ")
    generators = f"noise = torch.Generator(DEVICE).manual_seed({seeds['noise']})"
    if train.encoder_steps:
        generators += f"\nencoder_noise = torch.Generator(DEVICE).manual_seed({seeds['encoder']})"
    return f'''
torch.manual_seed({seeds["weights"]})
encoder, decoder = Encoder().to(DEVICE), Decoder().to(DEVICE){layout}{optimizer}
order = torch.Generator().manual_seed({seeds["order"]})
{generators}

def train():
    """Train, and yield loss, distortion and rate of each step."""
    for epoch in range(EPOCHS):{indent(set_rate, "    ")}
        batches = torch.randperm(len(images), generator=order).to(DEVICE).split(BATCH_SIZE)
        for number, rows in enumerate(batches):
            now = epoch + number / len(batches){extra}
            loss, distortion, rate = loss_of({taken}, now, noise)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item(), distortion.item(), rate.item()
'''


_MAIN = """
if __name__ == "__main__":
    for step, (loss, distortion, rate) in enumerate(train(), 1):
        epoch, rest = divmod(step, -(-len(images) // BATCH_SIZE))
        if rest == 0:
            print(f"epoch {epoch}: loss {loss:.2f} = {distortion:.2f} + β · {rate:.2f} nats")
"""


def _quoted(text: str) -> str:
    """A name as a literal of Python."""
    return json.dumps(text, ensure_ascii=False)


def _lines(layers: list[str], depth: int = 3) -> str:
    """Layers as arguments, as many in a line as fit."""
    lines: list[str] = []
    for layer in layers:
        if lines and len(lines[-1]) + len(layer) < _WIDTH:
            lines[-1] += f" {layer},"
        else:
            lines.append(f"{'    ' * depth}{layer},")
    return "\n".join(lines)
