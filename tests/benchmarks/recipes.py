"""The nine verdicts provoked and cured, seed by seed; with MNIST also healthy runs, which nothing may be said against.

    python tests/benchmarks/recipes.py [--seeds 0 1 2 3 4] [--keep DIR] [--data-root DIR] [--epochs 5] [--threads N]
                                       [NAME …]

Each recipe is trained, diagnosed at its last weights on the validation images, and trained again with each cure. Then
somebody's own loop is watched (``own-loop``) that takes a mean over the pixels, and cured by the sum. With ``--keep``
runs stay in that folder, and those that are there already are only diagnosed. Runs are told one by one on standard
error; the table is standard output.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vae.runtime.cpu_threads import share_cores

share_cores()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

import vae  # noqa: E402
from vae.config.schema import DataConfig, ModelConfig, RunConfig, TrainConfig  # noqa: E402
from vae.data.dataset import Dataset, load_dataset  # noqa: E402
from vae.diagnostics.decoder_sigma import SIGMA_FACTOR  # noqa: E402
from vae.diagnostics.diagnose import diagnose  # noqa: E402
from vae.diagnostics.diagnosis import Diagnosis  # noqa: E402
from vae.diagnostics.findings import Name  # noqa: E402
from vae.errors import UserError  # noqa: E402
from vae.experiments.failure_modes import RECIPES, Cure  # noqa: E402
from vae.models.priors import gaussian_kl  # noqa: E402
from vae.runs.run import Run  # noqa: E402
from vae.training.trainer import Trainer  # noqa: E402

OWN_LOOP, MNIST = "own-loop", "mnist"


@dataclass(frozen=True)
class Found:
    """What came of one run."""

    diagnosis: Diagnosis
    seconds: float
    is_right: bool


def trained(config: RunConfig, dataset: Dataset, path: Path) -> Run:
    """A run of this configuration, finished; one that is there already is taken as it is."""
    # What is evaluated and kept on the way takes time, and changes nothing.
    train = config.train.replace(num_snapshots=0, eval_every=max(1, config.train.epochs // 5))
    config = config.replace(train=train)
    if (run := kept(path)) is not None and run.config == config:
        return run
    shutil.rmtree(path, ignore_errors=True)
    run = Run.create(path, config, dataset.info())
    for _ in Trainer(run, dataset).train():
        pass
    return run


def kept(path: Path) -> Run | None:
    """The run in a folder, if it is there and finished."""
    try:
        run = Run.open(path)
        return run if run.status().state == "finished" else None
    except (OSError, UserError):
        return None


def watched(dataset: Dataset, path: Path, seed: int, *, is_mean: bool, epochs: int = 40) -> Run:
    """Somebody's own loop, as `vae.watch` saw it: the reconstruction is a mean over pixels, or a sum."""
    if (run := kept(path)) is not None:
        return run
    shutil.rmtree(path, ignore_errors=True)
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 16))
    decoder = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
    with (
        warnings.catch_warnings(),
        vae.watch(path, encoder=encoder, decoder=decoder, data=dataset, epochs=epochs) as watcher,
    ):
        x = watcher.dataset.pixels(watcher.dataset.part("train")[0])
        for _ in range(epochs):
            for batch in x[torch.randperm(len(x))].split(128):
                mean, log_var = encoder(batch).chunk(2, 1)
                logits = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
                wrong = F.binary_cross_entropy_with_logits(logits, batch.flatten(1), reduction="none")
                reconstruction = wrong.mean() if is_mean else wrong.sum(1).mean()
                kl = gaussian_kl(mean, log_var).sum(1).mean()
                loss = reconstruction + kl
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                watcher.step(loss, reconstruction=reconstruction, kl=kl)
    return watcher.run


def mended(verdict: Name, before: Diagnosis, after: Diagnosis) -> bool:
    """Whether a cure brought back what the recipe took away, and nothing else is wrong."""
    if after.verdict.name not in ("healthy", "spare-dimensions"):
        return False
    match verdict:
        case "spare-dimensions":
            return after.num_active / after.latent_dim > before.num_active / before.latent_dim
        case "decoder-ignores-z" | "over-regularised" | "early-collapse" | "wrong-scale":
            return after.num_active > before.num_active
        case "wrong-sigma":
            # A learned σ is never called wrong, and may yet be on its way.
            assert after.sigma_beta is not None
            return 1 / SIGMA_FACTOR < after.sigma_beta**0.5 < SIGMA_FACTOR
        case _:
            return True  # the named quantity is what the verdict is about


def quantity(verdict: Name, found: Diagnosis) -> tuple[str, float] | None:
    """What the verdict is about, where that is something else than active units."""
    if verdict == "wrong-sigma":
        assert found.decoder_sigma is not None and found.residual is not None
        return "σ / residual", found.decoder_sigma / found.residual
    if verdict == "condition-ignored":
        assert found.usage.condition is not None
        return "nats of the class", found.usage.condition.nats
    if verdict == "variance-blown-up":
        return "spread", max(found.spread_per_dim)
    return None


def judged(name: str, verdict: Name, runs: dict[str, list[Run]], dataset: Dataset) -> dict[str, list[Found]]:
    """Diagnose the runs of a recipe, by its cures' names (the recipe itself is '')."""
    found: dict[str, list[Found]] = {}
    for cure, of_seeds in runs.items():
        for place, run in enumerate(of_seeds):
            now = diagnose(run, dataset)
            first = found[""][place].diagnosis if cure else now
            is_right = mended(verdict, first, now) if cure else now.verdict.name == verdict
            seconds = run.status().seconds
            found.setdefault(cure, []).append(Found(now, seconds, is_right))
            names = ", ".join(finding.name for finding in now.findings)
            print(
                f"{name} {cure or '-'} {place}: {names}, {shown(verdict, [now])}, {seconds:.1f} s"
                f"{'' if is_right else '  NOT AS IT SHOULD BE'}",
                file=sys.stderr,
                flush=True,
            )
    return found


def spread(values: list[float], digits: int = 0) -> str:
    """From the smallest to the largest."""
    low, high = (f"{bound:.{digits}f}" for bound in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def shown(verdict: Name, found: list[Diagnosis]) -> str:
    """Active units over the seeds, and besides them what the verdict is about."""
    words = f"{spread([float(one.num_active) for one in found])} of {found[0].latent_dim}"
    about = [quantity(verdict, one) for one in found]
    numbers = [each[1] for each in about if each is not None]
    if about[0] is None:
        return words
    return f"{words}, {about[0][0]} {spread(numbers, 1 if max(numbers) > 10 else 2)}"


def row(name: str, cure: str, verdict: Name, found: list[Found]) -> str:
    """One line of the table."""
    right, others = sum(one.is_right for one in found), {one.diagnosis.verdict.name for one in found}
    said = ", ".join(sorted(others))
    seconds = spread([one.seconds for one in found])
    return (
        f"| {name if not cure else ''} | {cure} | {said} | {right} of {len(found)} "
        f"| {shown(verdict, [one.diagnosis for one in found])} | {seconds} |"
    )


def makers(name: str, dataset: Dataset) -> tuple[Name, dict[str, Callable[[int, Path], Run]]]:
    """A recipe's verdict, and what makes its runs of a seed and a folder, by its cures' names."""
    if name == OWN_LOOP:
        return "wrong-scale", {
            "": lambda seed, path: watched(dataset, path, seed, is_mean=True),
            "sum": lambda seed, path: watched(dataset, path, seed, is_mean=False),
        }
    recipe = RECIPES[name]

    def of(cure: Cure | None) -> Callable[[int, Path], Run]:
        def make(seed: int, path: Path) -> Run:
            config = recipe.with_seed(seed)
            return trained(config if cure is None else cure.applied(config), dataset, path)

        return make

    return recipe.verdict, {"": of(None), **{cure.name: of(cure) for cure in recipe.cures}}


def provoke(names: list[str], seeds: list[int], root: Path) -> None:
    """Print the table of the recipes."""
    dataset = load_dataset(DataConfig())
    print("| recipe | cure | verdict | as it should | active units | s |")
    print("|---|---|---|---|---|---|")
    for name in names:
        verdict, make = makers(name, dataset)
        runs = {
            cure: [one(seed, root / f"{name}.{cure or 'recipe'}.{seed}") for seed in seeds]
            for cure, one in make.items()
        }
        for cure, found in judged(name, verdict, runs, dataset).items():
            print(row(name, cure, verdict, found), flush=True)


def healthy_mnist(data_root: Path, seeds: list[int], epochs: int, root: Path) -> None:
    """Print what is said of runs that nothing is wrong with: two latent dimensions, and twenty."""
    dataset = load_dataset(DataConfig(name="mnist", root=data_root))
    print(f"\n| MNIST, {epochs} epochs | verdict | never accused | remarks | active units | s |")
    print("|---|---|---|---|---|---|")
    for latent_dim in (2, 20):
        runs = []
        for seed in seeds:
            config = RunConfig(
                data=dataset.config,
                model=ModelConfig(latent_dim=latent_dim),
                train=TrainConfig(epochs=epochs, seed=seed),
            )
            runs.append(trained(config, dataset, root / f"mnist-{epochs}.{latent_dim}.{seed}"))
        found = [diagnose(run, dataset) for run in runs]
        calm = sum(not any(finding.is_fault for finding in one.findings) for one in found)
        remarks = sorted({remark.name for one in found for remark in one.remarks})
        print(
            f"| {latent_dim} dimensions | {', '.join(sorted({one.verdict.name for one in found}))} "
            f"| {calm} of {len(found)} | {', '.join(remarks) or 'none'} | {shown('healthy', found)} "
            f"| {spread([run.status().seconds for run in runs])} |",
            flush=True,
        )


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", default=[*RECIPES, OWN_LOOP, MNIST], help="recipes, own-loop, mnist"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--keep", type=Path, help="folder of the runs")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--epochs", type=int, default=5, help="of MNIST")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) if options.keep is None else options.keep.absolute()
        if names := [name for name in options.names if name != MNIST]:
            provoke(names, options.seeds, root)
        if options.data_root is not None and MNIST in options.names:
            healthy_mnist(options.data_root, options.seeds, options.epochs, root)


if __name__ == "__main__":
    main()
