"""The kinds of things that a user can add, and what the package brings of each; imports no torch.

A plug-in is one module: it takes the registry of its kind, decorates its class, and is imported by whoever uses it, or
named in the environment variable ``LATENT_LAB_PLUGINS`` for the commands and the app.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from vae.config.registry import PLUGINS, Registry
from vae.errors import UserError, clean, first_line

#: p(x|z): classes derived from `vae.models.likelihoods.Likelihood`, made as ``cls(config)`` of a `ModelConfig`.
#: ``family`` is what its values compare with: likelihoods of one family are probabilities of the same thing.
#: ``is_density`` says whether it is a density, which has no upper bound on pixels that are 0 and 1 alone.
LIKELIHOODS = Registry("likelihood", "vae.models.likelihoods:Likelihood", ("family", "is_density"))
LIKELIHOODS.built_in(
    "bernoulli", "vae.models.likelihoods:Bernoulli", "Bernoulli", "Bernoulli", is_density=False
)
LIKELIHOODS.built_in(
    "continuous-bernoulli",
    "vae.models.likelihoods:ContinuousBernoulli",
    "Continuous Bernoulli",
    "continuous Bernoulli",
    family="continuous Bernoulli",
)
LIKELIHOODS.built_in(
    "gaussian",
    "vae.models.likelihoods:Gaussian",
    "Gaussian, fixed σ",
    "Gaussian with fixed sigma",
    ("sigma",),
    family="Gaussian",
)
LIKELIHOODS.built_in(
    "gaussian-learned",
    "vae.models.likelihoods:LearnedGaussian",
    "Gaussian, learned σ",
    "Gaussian with one learned sigma",
    ("sigma",),
    family="Gaussian",
)

#: p(z): classes derived from `vae.models.priors.Prior`, made as ``cls(latent_dim)`` or ``cls(latent_dim, options)``.
PRIORS = Registry("prior", "vae.models.priors:Prior")
STANDARD_NORMAL = "standard-normal"
PRIORS.built_in(STANDARD_NORMAL, "vae.models.priors:StandardNormal", "Standard normal", "N(0, I)")

#: Encoder and decoder: classes derived from `vae.models.network_builder.Network`.
#: ``noun`` is what such networks are called in a sentence; ``is_watched`` says that they are trained elsewhere.
NETWORKS = Registry("network", "vae.models.network_builder:Network", ("noun",))
_LAYERED = "vae.models.networks:LayeredNetworks"
NETWORKS.built_in(
    "mlp",
    _LAYERED,
    "Fully connected",
    "fully connected",
    ("hidden", "activation", "decoder"),
    noun="fully connected",
)
NETWORKS.built_in(
    "conv",
    _LAYERED,
    "Convolutional",
    "convolutional",
    ("hidden", "activation", "decoder", "channels"),
    noun="convolutional",
)
NETWORKS.built_in(
    "external", "", "Networks of your own", "watched", noun="your own networks", is_watched=True
)

#: What training lowers: classes derived from `vae.objectives.objective.Objective`.
OBJECTIVES = Registry("objective", "vae.objectives.objective:Objective")
BETA_VAE = "beta-vae"
OBJECTIVES.built_in(
    BETA_VAE,
    "vae.objectives.objective:BetaVAE",
    "β-VAE",
    "reconstruction plus what the KL costs",
    ("beta", "schedule", "free_bits", "capacity"),
)

#: Further numbers of a diagnosis: functions of a `vae.diagnostics.measurements.Examined`, and their ``unit``.
MEASUREMENTS = Registry("measurement", facts=("unit",))

#: Images: classes derived from `vae.data.source.ImageSource`.
#: ``is_download`` says that torchvision has it; ``needs_path`` that it is the user's own file or folder.
DATASETS = Registry("dataset", "vae.data.source:ImageSource")
DATASETS.built_in("digits", "", "Digits 8×8 (built in)")
DATASETS.built_in("mnist", "", "MNIST", is_download=True)
DATASETS.built_in("fashion-mnist", "", "Fashion-MNIST", is_download=True)
DATASETS.built_in("kmnist", "", "KMNIST", is_download=True)
DATASETS.built_in("emnist", "", "EMNIST", "", ("emnist_split",), is_download=True)
DATASETS.built_in("npz", "", "Your .npz file", needs_path=True)
DATASETS.built_in("folder", "", "Your image folder", needs_path=True)

#: By the kind that an option of `vae.config.schema` names.
REGISTRIES = {
    "likelihood": LIKELIHOODS,
    "prior": PRIORS,
    "network": NETWORKS,
    "objective": OBJECTIVES,
    "dataset": DATASETS,
}


def load_plugins() -> None:
    """Import the modules that the user names in ``LATENT_LAB_PLUGINS``, as a program of theirs would.

    The working directory is looked in last. Never called because of what a run's files say.

    Raises:
        UserError: If one cannot be imported.
    """
    names = [name.strip() for name in os.environ.get(PLUGINS, "").split(",") if name.strip()]
    here = str(Path.cwd())
    if names and here not in sys.path:
        sys.path.append(here)
    for name in names:
        try:
            import_module(name)
        except UserError as error:
            raise UserError(f"{PLUGINS} names {clean(name, 60)!r}: {error}") from error
        except Exception as error:  # whatever a module does when it is imported
            raise UserError(
                f"{PLUGINS} must name modules that can be imported, got {clean(name, 60)!r}: {first_line(error)}"
            ) from error
