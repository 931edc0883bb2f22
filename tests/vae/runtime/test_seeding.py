"""Streams of random numbers: the same from one seed, unrelated to each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vae.config.schema import MAX_SEED
from vae.runtime.seeding import _STREAMS, generator, stream_seed


def test_no_two_streams_of_any_seeds_are_the_same() -> None:
    seeds = [*range(200), MAX_SEED]
    found = {stream_seed(seed, stream) for seed in seeds for stream in _STREAMS}
    assert len(found) == len(seeds) * len(_STREAMS)
    assert all(0 <= seed < 2**63 for seed in found)


def test_a_stream_begins_with_the_same_numbers_each_time() -> None:
    first = torch.randn(5, generator=generator(3, "noise"))
    assert torch.equal(first, torch.randn(5, generator=generator(3, "noise")))
    assert not torch.equal(first, torch.randn(5, generator=generator(4, "noise")))


def test_using_one_stream_does_not_shift_another() -> None:
    order = generator(0, "order")
    expected = torch.randperm(50, generator=generator(0, "order"))
    torch.randn(1000, generator=generator(0, "noise"))
    torch.rand(7)
    assert torch.equal(torch.randperm(50, generator=order), expected)


def test_streams_are_uncorrelated() -> None:
    draws = torch.stack([torch.randn(10_000, generator=generator(0, stream)) for stream in _STREAMS])
    correlation = torch.corrcoef(draws.double()) - torch.eye(len(_STREAMS))
    assert float(correlation.abs().max()) < 5 / np.sqrt(10_000)


def test_a_seed_means_the_same_streams_in_every_version() -> None:
    # A run resumed after an upgrade must find the streams it began with; numpy promises never to change these.
    for number, stream in enumerate(["weights", "order", "noise", "evaluation", "prior", "probe"]):
        (expected,) = np.random.SeedSequence([7, number]).generate_state(1, np.uint64).tolist()
        assert stream_seed(7, stream) == expected // 2


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(ValueError):
        stream_seed(0, "dice")
