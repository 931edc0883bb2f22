"""How large a run's folder becomes: estimated before it is trained, and what it keeps follows from its bound.

Checkpoints must be there. What is left of the bound goes to the time machine: where all snapshots that were asked for
do not fit, their weights are kept in half precision, and as many as fit.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vae.config.schema import DataInfo, RunConfig

if TYPE_CHECKING:
    from torch import Tensor

#: Images whose posterior every snapshot keeps.
NUM_PROBES = 500
#: Bytes that a run may take unless its options say otherwise, and the share of the free disk that it may take.
MOST, SHARE_OF_FREE = 2 * 10**9, 0.1
#: Bytes that a run may take however full the disk is: less would save nothing.
LEAST = 64 * 10**6
#: Bytes of a run from which on its size is worth a word before it is trained.
NOTABLE = 200 * 10**6
#: Weights above which writing them is felt, bytes: checkpoints, best and live weights then wait their turn.
LARGE = 16 << 20
#: Share of the time that writing each of them may take.
WRITING_SHARE = 0.02
#: The history, and all other small files, bytes; of a small bound a tenth.
_SMALL_FILES = 32 << 20
#: A snapshot's header and numbers beside its weights, bytes for each latent dimension.
_OF_A_DIMENSION = 3 * 24


@dataclass(frozen=True)
class RunSize:
    """What the files of a run take, bytes.

    Attributes:
        bound: That all together may take.
        fixed: Checkpoints, newest weights, positions of the test images and history, with a checkpoint being written.
        weights: Of a snapshot, as they are.
        probe: Of a snapshot, besides.
        asked: Snapshots that were asked for.
    """

    bound: int
    fixed: int
    weights: int
    probe: int
    asked: int

    @property
    def is_halved(self) -> bool:
        """Whether snapshots keep their weights in half precision."""
        return self.fixed + self.asked * (self.weights + self.probe) > self.bound

    @property
    def each(self) -> int:
        """Bytes of a snapshot."""
        return self.probe + (self.weights // 2 if self.is_halved else self.weights)

    @property
    def most_snapshots(self) -> int:
        """Snapshots that fit."""
        return max(0, (self.bound - self.fixed) // self.each)

    @property
    def num_snapshots(self) -> int:
        """Snapshots that a training is planned with."""
        return min(self.asked, self.most_snapshots)

    @property
    def total(self) -> int:
        """Bytes of all, about."""
        return self.fixed + self.num_snapshots * self.each

    @property
    def is_notable(self) -> bool:
        """Whether it is worth a word beforehand: it is large, or something is left out for it."""
        return self.is_halved or self.total >= NOTABLE

    def sentence(self) -> str:
        """What the run will take, and what it does without for it."""
        said = f"this run takes up to about {_bytes(self.total)} of disk, and may take {_bytes(self.bound)}"
        if not self.is_halved:
            return said
        raise_it = "a larger train.max-gigabytes keeps more"
        if self.num_snapshots < self.asked:
            kept = f"{self.num_snapshots} of {self.asked} snapshots" if self.num_snapshots else "no snapshots"
            how = ", their weights in half precision" if self.num_snapshots else ""
            return f"{said}: it keeps {kept}{how}; {raise_it}"
        return f"{said}: its snapshots keep their weights in half precision; {raise_it}"


def bound_of(config: RunConfig, folder: Path) -> int:
    """What a run may take, bytes: as its options say, else the smaller of 2 GB and a tenth of the free disk."""
    if config.train.max_gigabytes:
        return int(config.train.max_gigabytes * 10**9)
    for place in (folder, *folder.parents):
        try:
            return min(MOST, max(LEAST, int(shutil.disk_usage(place).free * SHARE_OF_FREE)))
        except OSError:
            continue
    return MOST


def run_size(config: RunConfig, info: DataInfo, folder: Path) -> RunSize:
    """The size of a run that is trained here.

    Args:
        config: Of the run.
        info: Of its images.
        folder: Where it is, or will be.
    """
    import torch

    from vae.models.vae import VAE

    with torch.device("meta"):
        model = VAE(config.model, info)
    weights = bytes_of(model.state_dict())
    moments = 2 * sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    # The last checkpoint with what the optimiser knows, once more while it is written, the best and the newest weights.
    fixed = 2 * (weights + moments) + 2 * weights
    return _size(config, info, folder, weights, fixed)


def watched_size(config: RunConfig, info: DataInfo, folder: Path, weights: int) -> RunSize:
    """The size of a watched run, whose networks take so many bytes as they are kept; there is no optimiser in it."""
    return _size(config, info, folder, weights, 3 * weights, can_halve=False)


def _size(
    config: RunConfig,
    info: DataInfo,
    folder: Path,
    weights: int,
    fixed: int,
    *,
    can_halve: bool = True,
) -> RunSize:
    bound = bound_of(config, folder)
    dims, num_probes = config.model.latent_dim, min(NUM_PROBES, info.num_validation or info.num_test)
    one_posterior = 8 * dims + 16
    fixed += one_posterior * info.num_test + min(_SMALL_FILES, bound // 10)
    probe = one_posterior * num_probes + _OF_A_DIMENSION * dims + 4096
    if not can_halve:  # as if all of it were beside the weights
        probe, weights = probe + weights, 0
    return RunSize(bound, fixed, weights, probe, config.train.num_snapshots)


def bytes_of(tensors: dict[str, Tensor]) -> int:
    """What tensors take in a file."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in half precision, where all of one fit: their relative error is at most 2⁻¹¹, or 3·10⁻⁸ near zero."""
    import torch

    return {
        name: tensor.half() if tensor.dtype == torch.float32 and bool((tensor.abs() < 6e4).all()) else tensor
        for name, tensor in tensors.items()
    }


def _bytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 10**9 else f"{max(1, round(number / 1e6)):,} MB"
