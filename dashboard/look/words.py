"""Words that several pages use for the same thing."""

from __future__ import annotations

DATA_TITLES = {
    "digits": "Digits 8×8 (built in)",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "kmnist": "KMNIST",
    "emnist": "EMNIST",
    "npz": "Your .npz file",
    "folder": "Your image folder",
}
