"""Situations of trainings on good images: healthy ones, such as have just begun, collapsed ones, and faults."""

from __future__ import annotations

import torch

from tests.benchmarks import situation_data as images
from tests.benchmarks.situation_judge import FINE, LEARNING, Situation
from tests.benchmarks.situation_makers import loop, mnist, one_batch_sum, own, recipe, run
from tests.benchmarks.situation_runs import (
    bce,
    default_digits,
    freeze_dimensions,
    kill_units,
    kl,
    never_sample,
    settings,
)
from vae.config.schema import ModelConfig, RunConfig, TrainConfig

HEALTHY = (
    Situation("default-40", "healthy", run(default_digits(40)), FINE),
    Situation("default-20", "healthy", run(default_digits(20)), (*FINE, "still-learning")),
    Situation("recipe", "healthy", recipe("healthy"), ("healthy",)),
    Situation("eight-dimensions", "healthy", run(settings(epochs=150)), FINE),
    Situation("half-beta", "healthy", run(settings(beta=0.5)), FINE),
    Situation(
        "linear-warm-up",
        "healthy",
        run(settings(schedule="linear", warmup_epochs=30)),
        FINE,
        never=("warm-up is",),
    ),
    Situation("sigmoid-warm-up", "healthy", run(settings(schedule="sigmoid", warmup_epochs=40)), FINE),
    Situation(
        "cyclical", "healthy", run(settings(schedule="cyclical", cycle_epochs=20)), FINE, never=(r"β = 0\b",)
    ),
    Situation("free-bits", "healthy", run(settings(free_bits=0.5)), FINE),
    Situation("free-bits-in-total", "healthy", run(settings(free_bits=4, free_bits_per="total")), FINE),
    Situation("capacity", "healthy", run(settings(capacity=5, beta=5, capacity_epochs=30)), FINE),
    Situation(
        "conv",
        "healthy",
        run(settings(epochs=60, model={"network": "conv", "channels": (16, 32)}, latent_dim=4)),
        FINE,
    ),
    Situation("tanh", "healthy", run(settings(model={"activation": "tanh"})), FINE),
    Situation("silu", "healthy", run(settings(model={"activation": "silu"}, latent_dim=2)), FINE),
    Situation("conditional", "healthy", run(settings(model={"conditional": True})), FINE),
    Situation(
        "learned-prior",
        "healthy",
        run(settings(model={"conditional": True, "learned_prior": True}, latent_dim=4)),
        FINE,
    ),
    Situation("learned-sigma", "healthy", run(settings(model={"likelihood": "gaussian-learned"})), FINE),
    Situation("sigma-0.15", "healthy", run(settings(model={"likelihood": "gaussian", "sigma": 0.15})), FINE),
    Situation(
        "continuous-bernoulli", "healthy", run(settings(model={"likelihood": "continuous-bernoulli"})), FINE
    ),
    Situation(
        "binary", "healthy", run(settings(), own(images.few_digits(1797), "all", binarize="threshold")), FINE
    ),
    Situation(
        "dynamic",
        "healthy",
        run(settings(epochs=150), own(images.few_digits(1797), "all", binarize="dynamic")),
        FINE,
    ),
    Situation("cosine", "healthy", run(settings(train={"learning_rate_schedule": "cosine"})), FINE),
    Situation("encoder-steps", "healthy", run(settings(epochs=60, train={"encoder_steps": 2})), FINE),
    Situation("oversized", "healthy", recipe("oversized-latent-space"), ("spare-dimensions",)),
    Situation("dots", "healthy", run(settings(latent_dim=2, epochs=150), own(images.dots)), FINE),
    Situation(
        "coloured-squares",
        "healthy",
        run(settings(latent_dim=6, epochs=150), own(images.coloured_squares)),
        FINE,
    ),
    Situation("one-bit", "healthy", run(settings(latent_dim=2), own(images.two_images)), FINE),
    Situation("templates", "healthy", run(settings(), own(images.templates)), FINE),
    Situation(
        "beta-moved-and-back",
        "healthy",
        run(settings(), steer=((30, {"beta": 2.0}), (50, {"beta": None}))),
        FINE,
    ),
    Situation("own-loop", "healthy", loop(), FINE),
    Situation(
        "own-loop-both-summed",
        "healthy",
        loop(reconstruction=bce(one_batch_sum), divergence=kl(one_batch_sum)),
        FINE,
    ),
    Situation(
        "own-loop-both-over-the-pixels",
        "healthy",
        loop(reconstruction=bce(torch.mean), divergence=kl(lambda values: values.sum(1).mean() / 64)),
        FINE,
    ),
)


MNIST = (
    Situation(
        "mnist-2",
        "healthy",
        mnist(RunConfig(model=ModelConfig(), train=TrainConfig(epochs=3, num_snapshots=0))),
        FINE,
    ),
    Situation(
        "mnist-20",
        "healthy",
        mnist(RunConfig(model=ModelConfig(latent_dim=20), train=TrainConfig(epochs=3, num_snapshots=0))),
        FINE,
    ),
)


SLOW = settings(epochs=100, schedule="linear", warmup_epochs=60)


BEGUN = (
    Situation("default-5", "begun", run(default_digits(5)), LEARNING, says=(r"epoch",), never=("ollapsed",)),
    Situation("default-2", "begun", run(default_digits(2)), LEARNING, never=("ollapsed",)),
    Situation("default-1", "begun", run(default_digits(1)), LEARNING, never=("ollapsed",)),
    Situation("one-epoch", "begun", run(settings(epochs=1)), LEARNING, never=("ollapsed",)),
    Situation(
        "untrained",
        "begun",
        run(settings(epochs=20, train={}).replace(train=TrainConfig(epochs=20, num_snapshots=8)), at=0),
        LEARNING,
        never=("ollapsed",),
    ),
    Situation(
        "early-snapshot",
        "begun",
        run(default_digits(30).replace(train=TrainConfig(epochs=30, batch_size=64, num_snapshots=20)), at=4),
        LEARNING,
        never=("ollapsed",),
    ),
    Situation(
        "tiny-steps", "begun", run(settings(epochs=40, learning_rate=1e-5)), LEARNING, says=("learning rate",)
    ),
    Situation(
        "stopped-early",
        "begun",
        run(default_digits(200), steer=((3, {"command": "stop"}),)),
        LEARNING,
        says=(r"stopped",),
        never=("ollapsed",),
    ),
    Situation("killed-early", "begun", run(default_digits(200), leave_at=3), LEARNING, never=("ollapsed",)),
    Situation(
        "warm-up-too-long",
        "begun",
        run(settings(epochs=10, schedule="linear", warmup_epochs=100)),
        LEARNING,
        says=("warm-up", r"0\.(1|09)"),
        never=("β = 1, the ELBO",),
    ),
    Situation(
        "stopped-in-warm-up",
        "begun",
        run(SLOW, steer=((25, {"command": "stop"}),)),
        LEARNING,
        says=("warm-up",),
    ),
    Situation(
        "sigmoid-at-its-start",
        "begun",
        run(settings(epochs=60, schedule="sigmoid", warmup_epochs=400)),
        LEARNING,
        says=("warm-up",),
        never=("β = 1, the ELBO",),
    ),
    Situation(
        "capacity-still-rising",
        "begun",
        run(settings(epochs=40, capacity=20, beta=5, capacity_epochs=400)),
        LEARNING,
        says=("capacity",),
    ),
    Situation(
        "cycle-broken-off",
        "begun",
        run(settings(epochs=42, schedule="cyclical", cycle_epochs=40)),
        (*FINE, "still-learning"),
    ),
    Situation("own-loop-two-epochs", "begun", loop(epochs=2), LEARNING, never=("ollapsed",)),
    Situation("own-loop-broken", "begun", loop(breaks_at=1), LEARNING, never=("ollapsed",)),
    Situation(
        "made-one-epoch", "begun", run(settings(epochs=1, model={"decoder": "autoregressive"})), LEARNING
    ),
    Situation(
        "conditional-two-epochs", "begun", run(settings(epochs=2, model={"conditional": True})), LEARNING
    ),
    Situation(
        "sigma-one-epoch",
        "begun",
        run(settings(epochs=1, model={"likelihood": "gaussian", "sigma": 0.1})),
        LEARNING,
    ),
    Situation(
        "deep-before-it-wakes",
        "begun",
        run(settings(epochs=6, hidden=(64, 64, 64), learning_rate=1e-3, latent_dim=2)),
        LEARNING,
    ),
    Situation(
        "large-beta-one-epoch", "begun", run(settings(epochs=1, beta=4)), LEARNING, never=("ollapsed",)
    ),
)


COLLAPSED = (
    Situation("beta-20", "collapsed", recipe("beta-too-high"), ("over-regularised",), says=("β = 1",)),
    Situation("beta-8", "collapsed", run(settings(beta=8)), ("over-regularised",)),
    Situation("beta-1000", "collapsed", run(settings(beta=1000)), ("over-regularised", "wrong-scale")),
    Situation(
        "beta-20-cyclical",
        "collapsed",
        run(settings(beta=20, schedule="cyclical", cycle_epochs=20)),
        ("over-regularised",),
        says=(r"β = 20",),
        never=(r"β = 0\b",),
    ),
    Situation(
        "beta-20-after-warm-up",
        "collapsed",
        run(settings(beta=20, schedule="linear", warmup_epochs=30)),
        ("over-regularised",),
        says=(r"β = 20",),
    ),
    Situation(
        "beta-raised-by-hand",
        "collapsed",
        run(settings(), steer=((50, {"beta": 20.0}),)),
        ("over-regularised",),
        says=(r"by hand", r"from 1 to 20", r"epoch 5\d"),
    ),
    Situation(
        "beta-raised-and-lowered",
        "collapsed",
        run(
            settings(
                epochs=90,
                hidden=(64, 64, 64),
                learning_rate=1e-2,
                latent_dim=2,
                schedule="sigmoid",
                warmup_epochs=30,
            ),
            steer=((40, {"beta": 50.0}), (60, {"beta": None})),
        ),
        ("early-collapse",),
        says=(r"by hand", r"to 50"),
    ),
    Situation("unlucky-start", "collapsed", recipe("unlucky-start"), ("early-collapse",), says=("warm-up",)),
    Situation(
        "deep-unlucky",
        "collapsed",
        run(settings(epochs=120, hidden=(64,) * 4, learning_rate=1e-2, latent_dim=2)),
        ("early-collapse",),
        says=("warm-up",),
    ),
    Situation("strong-decoder", "collapsed", recipe("strong-decoder"), ("decoder-ignores-z",)),
    Situation(
        "strong-conditional-decoder",
        "collapsed",
        run(settings(model={"decoder": "autoregressive", "conditional": True})),
        ("decoder-ignores-z",),
    ),
    Situation(
        "one-of-six",
        "collapsed",
        run(settings(latent_dim=6, epochs=120), prepare=freeze_dimensions(1)),
        ("partial-collapse",),
        says=("1 of 6", "warm-up", "nats"),
        never=("no harm",),
    ),
    Situation(
        "two-of-ten",
        "collapsed",
        run(settings(latent_dim=10, epochs=120), prepare=freeze_dimensions(2)),
        ("partial-collapse",),
        never=("no harm",),
    ),
    Situation(
        "dead-encoder",
        "collapsed",
        run(settings(), prepare=kill_units("encoder")),
        ("dead-network",),
        says=("encoder", "learning rate"),
        never=("warm-up: ", "free bits, or"),
    ),
    Situation(
        "dead-encoder-conditional",
        "collapsed",
        run(settings(model={"conditional": True}), prepare=kill_units("encoder")),
        ("dead-network",),
        says=("encoder",),
        never=("warm-up: ",),
    ),
    Situation(
        "dead-decoder",
        "collapsed",
        run(settings(), prepare=kill_units("decoder")),
        ("dead-network",),
        says=("decoder",),
    ),
)


FAULTS = (
    Situation("sigma-too-large", "fault", recipe("sigma-too-large"), ("wrong-sigma",)),
    Situation("sigma-too-small", "fault", recipe("sigma-too-small"), ("wrong-sigma",)),
    Situation("condition-ignored", "fault", recipe("condition-ignored"), ("condition-ignored",)),
    Situation(
        "shuffled-labels",
        "fault",
        run(settings(model={"conditional": True}), own(images.shuffled_digits)),
        ("condition-ignored",),
        says=("labels",),
        never=("larger β", "smaller latent space"),
    ),
    Situation("mean-over-pixels", "fault", recipe("wrong-scale"), ("wrong-scale",)),
    Situation("no-rate", "fault", recipe("no-rate"), ("variance-blown-up",)),
    Situation(
        "tiny-beta", "fault", run(settings(beta=0.001, epochs=150)), ("variance-blown-up", "worse-than-no-z")
    ),
    Situation(
        "small-beta",
        "fault",
        run(settings(beta=0.05, latent_dim=16, epochs=150)),
        ("worse-than-no-z", "variance-blown-up"),
        says=("β = 1",),
    ),
    Situation(
        "capacity-too-high",
        "fault",
        run(settings(capacity=60, beta=5, latent_dim=16, capacity_epochs=30)),
        ("worse-than-no-z", "variance-blown-up"),
        says=("capacity",),
    ),
    Situation(
        "never-sampled", "fault", run(settings(), prepare=never_sample), ("worse-than-no-z",), says=("sampl",)
    ),
    Situation(
        "over-trained",
        "fault",
        run(
            settings(epochs=1500, batch_size=16, hidden=(400,), latent_dim=16, learning_rate=1e-3, beta=0.3),
            own(images.few_digits(120), "half-of-120", test=0.5),
        ),
        ("worse-than-no-z",),
        says=("train",),
    ),
    Situation(
        "noise-encoded",
        "fault",
        run(settings(beta=0.1, epochs=150), own(images.coins)),
        ("worse-than-no-z", "nothing-to-encode"),
    ),
    Situation(
        "diverged-at-once",
        "fault",
        run(settings(), damage_at=1),
        ("diverged",),
        says=("learning rate",),
        never=("ollapsed",),
    ),
    Situation("diverged-late", "fault", run(settings(), damage_at=50), ("diverged",), never=("ollapsed",)),
    Situation("own-loop-diverged", "fault", loop(nan_at=5), ("diverged",)),
)
