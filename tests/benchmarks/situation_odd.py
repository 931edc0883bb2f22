"""Situations with odd images or few of them, and loops of one's own."""

from __future__ import annotations

import torch

from tests.benchmarks import situation_data as images
from tests.benchmarks.situation_judge import FINE, Situation
from tests.benchmarks.situation_makers import loop, one_batch_sum, own, run
from tests.benchmarks.situation_runs import (
    bce,
    detached,
    kl,
    kl_without_square,
    not_sampled,
    settings,
    squared,
    summed,
)

NOTHING = (
    Situation(
        "identical",
        "nothing",
        run(settings(), own(images.identical)),
        ("nothing-to-encode",),
        never=("better objective", "free bits"),
    ),
    Situation(
        "black",
        "nothing",
        run(settings(), own(images.black)),
        ("nothing-to-encode",),
        never=("better objective",),
    ),
    Situation(
        "identical-learned-sigma",
        "nothing",
        run(settings(model={"likelihood": "gaussian-learned"}), own(images.identical)),
        ("nothing-to-encode",),
    ),
    Situation(
        "identical-sigma",
        "nothing",
        run(settings(model={"likelihood": "gaussian", "sigma": 0.1}), own(images.identical)),
        ("nothing-to-encode",),
    ),
    Situation(
        "identical-only-begun",
        "nothing",
        run(settings(epochs=3), own(images.identical)),
        ("nothing-to-encode", "still-learning"),
    ),
    Situation(
        "coins", "nothing", run(settings(), own(images.coins)), ("nothing-to-encode",), never=("free bits",)
    ),
    Situation(
        "grey-noise",
        "nothing",
        run(settings(model={"likelihood": "gaussian", "sigma": 0.1}), own(images.grey_noise)),
        ("nothing-to-encode",),
    ),
    Situation(
        "one-grey-image",
        "nothing",
        run(settings(), own(images.one_grey_image, binarize="dynamic")),
        ("nothing-to-encode",),
    ),
    Situation(
        "coins-with-labels",
        "nothing",
        run(settings(model={"conditional": True}), own(images.coins_with_labels)),
        ("nothing-to-encode",),
    ),
    Situation(
        "label-says-all",
        "nothing",
        run(settings(model={"conditional": True}), own(images.templates)),
        ("nothing-to-encode",),
        says=("label|class",),
    ),
    Situation(
        "label-says-all-exactly",
        "nothing",
        run(settings(model={"conditional": True}), own(images.exact_templates)),
        ("nothing-to-encode",),
        says=("label|class",),
    ),
)


FEW = (
    Situation(
        "twelve-images",
        "few",
        run(settings(batch_size=4), own(images.few_digits(12), "12")),
        ("too-few-images",),
    ),
    Situation(
        "thirty-images",
        "few",
        run(settings(batch_size=4), own(images.few_digits(30), "30")),
        ("too-few-images",),
    ),
    Situation(
        "fifteen-black",
        "few",
        run(settings(batch_size=2), own(lambda seed: (images.black(seed)[0][:15], None), "15-black")),
        ("too-few-images", "nothing-to-encode"),
    ),
    Situation(
        "one-class",
        "few",
        run(settings(model={"conditional": True}), own(images.ones)),
        FINE,
        never=("condition is ignored",),
    ),
)


OWN_LOOPS = (
    Situation(
        "loop-mean-over-pixels",
        "loop",
        loop(reconstruction=bce(torch.mean)),
        ("wrong-scale",),
        says=("mean over pixels",),
    ),
    Situation(
        "loop-both-means",
        "loop",
        loop(reconstruction=bce(torch.mean), divergence=kl(torch.mean)),
        ("wrong-scale",),
    ),
    Situation(
        "loop-kl-mean",
        "loop",
        loop(divergence=kl(torch.mean)),
        ("wrong-scale",),
        says=("mean over dimensions",),
    ),
    Situation(
        "loop-kl-over-batch",
        "loop",
        loop(divergence=kl(one_batch_sum)),
        ("wrong-scale",),
        says=("sum over the batch",),
    ),
    Situation(
        "loop-reconstruction-over-batch",
        "loop",
        loop(reconstruction=bce(one_batch_sum)),
        ("wrong-scale",),
        says=("sum over the batch",),
    ),
    Situation("loop-forgotten-half", "loop", loop(divergence=kl(summed, 2.0)), ("wrong-scale",), says=("½",)),
    Situation("loop-half-twice", "loop", loop(divergence=kl(summed, 0.5)), ("wrong-scale",), says=("½",)),
    Situation("loop-wrong-sign", "loop", loop(divergence=kl(summed, -1.0)), ("wrong-scale",), says=("sign",)),
    Situation(
        "loop-mu-without-square",
        "loop",
        loop(divergence=kl_without_square),
        ("wrong-scale", "variance-blown-up", "worse-than-no-z", "diverged"),
        says=("KL",),
    ),
    Situation("loop-never-sampled", "loop", loop(sample=not_sampled), ("worse-than-no-z",), says=("sampl",)),
    Situation(
        "loop-detached", "loop", loop(sample=detached), ("early-collapse",), says=("rsample|gradient",)
    ),
    Situation(
        "loop-encoder-not-trained",
        "loop",
        loop(frozen="encoder"),
        ("early-collapse", "decoder-ignores-z"),
        says=("optimi",),
    ),
    Situation(
        "loop-loss-alone", "loop", loop(reconstruction=bce(torch.mean), reports=("loss",)), ("wrong-scale",)
    ),
    Situation(
        "loop-squared-error",
        "loop",
        loop(reconstruction=squared(summed), watch={"likelihood": "gaussian", "sigma": 0.5**0.5}),
        ("wrong-sigma",),
        says=("σ",),
        never=("model.likelihood",),
    ),
    Situation("loop-beta-30", "loop", loop(beta=30.0), ("over-regularised",)),
    Situation("loop-silent-reports", "loop", loop(beta=30.0, reports=()), ("over-regularised",)),
)
