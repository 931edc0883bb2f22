"""What the diagnosis says in situations whose right answer is known, because it was made or because it can be counted.

    python tests/benchmarks/situations.py [--seeds 5 6 7 8 9] [--rotate] [--keep DIR] [--data-root DIR]
                                          [--group NAME …] [NAME …]

The answer of each situation was written down before it was first trained. Most name one verdict; where two are right,
both are named. Some also say what must be among the words (a remedy that helps, a moment, a cause) or must not be (a
remedy that cannot help here). Of every situation it is checked besides that the answer is JSON, that nobody is accused
of anything in the group ``healthy``, and that nothing that costs more than the best picture of all images is called
healthy; that cost is counted here once more, without the library's own.

Runs stay in the folder that ``--keep`` names, and are not trained again: only the diagnosis is made anew.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from vae.runtime.cpu_threads import share_cores

share_cores()

import torch  # noqa: E402

from tests.benchmarks import situation_data as images  # noqa: E402
from tests.benchmarks.situation_judge import FINE, LEARNING, Make, Situation, judge  # noqa: E402
from tests.benchmarks.situation_runs import (  # noqa: E402
    Bench,
    Loop,
    bce,
    default_digits,
    detached,
    digits,
    freeze_dimensions,
    kill_units,
    kl,
    kl_without_square,
    never_sample,
    not_sampled,
    settings,
    squared,
    summed,
)
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.experiments.failure_modes import RECIPES  # noqa: E402
from vae.runs.run import Run  # noqa: E402


def run(config: RunConfig, make_data: Callable[[Bench], Dataset] | None = None, **options: object) -> Make:
    """A run of our trainer; options are those of `Bench.trained`, and ``at`` is that of `diagnose`."""

    def make(bench: Bench, name: str = "") -> tuple[Run, Dataset, dict[str, object]]:
        dataset = digits() if make_data is None else make_data(bench)
        more = {key: options[key] for key in options if key != "at"}
        found = bench.trained(name, config, dataset, **more)  # type: ignore[arg-type]
        at = options.get("at")
        return (
            found,
            dataset,
            {} if at is None else {"at": found.snapshots()[at] if isinstance(at, int) else at},
        )

    return make


def loop(**options: object) -> Make:
    """A watched loop."""

    def make(bench: Bench, name: str = "") -> tuple[Run, Dataset, dict[str, object]]:
        dataset = digits()
        return bench.watched(name, Loop(**options), dataset), dataset, {}  # type: ignore[arg-type]

    return make


def own(
    make: Callable[[int], images.Arrays], name: str = "", **options: object
) -> Callable[[Bench], Dataset]:
    """Images of one's own."""
    return lambda bench: images.data(bench.root, make, bench.seed, name, **options)


def recipe(name: str, cure: str = "") -> Make:
    """A recipe of the gallery, or one of its cures."""
    found = RECIPES[name]
    config = found.cure(cure).applied(found.config) if cure else found.config
    return run(config.replace(train=config.train.replace(num_snapshots=0, device="cpu")))


def mnist(config: RunConfig) -> Make:
    """A run on MNIST, where its folder is given."""

    def make(bench: Bench, name: str = "") -> tuple[Run, Dataset, dict[str, object]]:
        dataset = load_dataset(DataConfig(name="mnist", root=bench.data_root))
        return bench.trained(name, config, dataset), dataset, {}

    return make


def one_batch_sum(values: torch.Tensor) -> torch.Tensor:
    """A sum over the batch too."""
    return values.sum()


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

SITUATIONS = (*HEALTHY, *MNIST, *BEGUN, *COLLAPSED, *FAULTS, *NOTHING, *FEW, *OWN_LOOPS)


def main() -> None:
    """Make them and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="situations; all if left out")
    parser.add_argument("--group", nargs="+", default=[], help="only those of these groups")
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 6, 7, 8, 9])
    parser.add_argument("--rotate", action="store_true", help="each situation with one of the seeds, in turn")
    parser.add_argument("--keep", type=Path, help="folder of the runs")
    parser.add_argument("--data-root", type=Path, help="folder of MNIST")
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [
        one
        for one in SITUATIONS
        if (not options.names or one.name in options.names)
        and (not options.group or one.group in options.group)
        and (one not in MNIST or options.data_root is not None)
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) if options.keep is None else options.keep.absolute()
        right = accused = worse = 0
        print("| situation | group | right answer | said | right |\n|---|---|---|---|---|")
        for situation in chosen:
            place = SITUATIONS.index(situation)
            seeds = [options.seeds[place % len(options.seeds)]] if options.rotate else options.seeds
            found = [judge(situation, Bench(root, seed, options.data_root)) for seed in seeds]
            num = sum(not one.problems for one in found)
            right += num == len(found)
            accused += sum("is accused" in one.problems for one in found)
            worse += sum(any(each.startswith("called") for each in one.problems) for one in found)
            said = ", ".join(sorted({one.verdict for one in found}))
            print(
                f"| {situation.name} | {situation.group} | {' or '.join(situation.right)} | {said} "
                f"| {num} of {len(found)} |",
                flush=True,
            )
            for seed, one in zip(seeds, found, strict=True):
                for problem in one.problems:
                    print(
                        f"  {situation.name} {seed}: {problem} (remarks: {', '.join(one.remarks) or 'none'})",
                        file=sys.stderr,
                        flush=True,
                    )
        print(
            f"\n{right} of {len(chosen)} situations right with {'one' if options.rotate else 'every'} seed of "
            f"{', '.join(map(str, options.seeds))}; "
            f"{accused} healthy runs accused; {worse} called healthy that cost more than the best picture"
        )


if __name__ == "__main__":
    main()
