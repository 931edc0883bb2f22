"""A run's configuration as one readable script that trains it with torch alone.

Nothing of this package is imported by the script: whoever reads it sees the whole model, its loss and its training. It
draws the same weights, order and noise as the run, so that on the CPU its losses are the run's.

Source:
    The formulas are those of Kingma & Welling (2014), https://arxiv.org/abs/1312.6114, and where each setting has a
    source of its own, that of the module which trains it here.
"""

from __future__ import annotations

import json
from textwrap import dedent, indent

from vae.config.registries import BETA_VAE, STANDARD_NORMAL
from vae.config.schema import DataInfo, RunConfig
from vae.errors import UserError
from vae.runtime.seeding import stream_seed
from vae.training.adam import USUAL, WIDE
from vae.training.script_networks import decoder_text, encoder_text, stem_layers
from vae.training.script_objective import LIKELIHOOD_TEXTS, likelihood_text, loss_text, schedule_text

#: torchvision's classes.
_TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST", "emnist": "EMNIST"}


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
        "data": f"{_head(config)}{_data(config, info, images_file, max_value)}",
        "encoder": encoder_text(config, info),
        "decoder": decoder_text(config, info),
        "likelihood": likelihood_text(config),
        "schedule": schedule_text(config),
        "loss": loss_text(config, info),
        "training": _training(config, info),
        "main": _MAIN,
    }
    return {name: text.strip("\n") for name, text in parts.items()}


def _check(config: RunConfig) -> None:
    named = (
        ("model.network", config.model.network, ("mlp", "conv")),
        ("model.likelihood", config.model.likelihood, tuple(LIKELIHOOD_TEXTS)),
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
            images{", labels" if conditional else ""} = torch.tensor(digits.images, dtype=torch.uint8)[:, None]"""
        if conditional:
            lines += ", torch.tensor(digits.target)"
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


def _training(config: RunConfig, info: DataInfo) -> str:
    model, train = config.model, config.train
    seeds = {name: stream_seed(train.seed, name) for name in ("weights", "order", "noise", "encoder")}
    layout = ""
    if model.network == "conv" and train.device in ("auto", "cpu"):
        layout = (
            "\nnn.ModuleList([encoder, decoder]).to(memory_format=torch.channels_last)  # faster on the CPU"
        )
    wide = stem_layers(config, info, info.num_classes if model.conditional else 0)[1] > WIDE
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
        set_rate = (
            """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate_at(epoch) * group["scale"]"""
            if wide
            else """
    optimizer.param_groups[0]["lr"] = learning_rate_at(epoch)"""
        )
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
