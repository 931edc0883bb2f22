"""log p(x) by quadrature beside importance weighting, on a run of one or two latent dimensions.

    python tests/benchmarks/truth.py [RUN-DIR] [--data-root DIR] [--images 100] [--samples 5000] [--seed 0]

Importance weighting draws from q(z|x), as published tables do, and from the mixture of proposals. For each image the
difference to quadrature is told in standard errors of the weighted estimate, which come from its own weights: where
q(z|x) misses a mode of the true posterior they know nothing of it, and are too small. So it is the mixture that
has to agree: no image further away than 3 standard errors (chance alone would make it so in a quarter of all runs with
100 images; then look at the number), and the mean within 3 of its own.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import get_args

from vae.runtime.cpu_threads import share_cores

share_cores()

import torch  # noqa: E402

from vae.evaluation.exact_posterior import exact_posteriors  # noqa: E402
from vae.evaluation.importance import importance_bound  # noqa: E402
from vae.evaluation.proposals import Proposal  # noqa: E402
from vae.runs.run import Run  # noqa: E402
from vae.runs.run_dataset import images_of  # noqa: E402
from vae.runs.snapshots import load_model  # noqa: E402

_SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "models" / "mnist-2d"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, nargs="?", default=_SHIPPED)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run = Run.open(options.run)
    model, dataset = load_model(run), images_of(run, root=options.data_root)
    began = time.perf_counter()
    exact = exact_posteriors(model, dataset, num_images=options.images, seed=options.seed)
    seconds = time.perf_counter() - began
    print(f"{run.name}: test, {len(exact.rows)} images, k = {options.samples:,}, seed {options.seed}\n")
    print(
        "| log p(x) | mean | − quadrature | ± of the sampling | images > 3 SE | median ESS | least | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print(f"| quadrature | {float(exact.log_prob.mean()):.4f} | | | | | | {seconds:.0f} |", flush=True)
    fine = False
    for proposal in get_args(Proposal):
        began = time.perf_counter()
        weighted = importance_bound(
            model,
            dataset,
            k=options.samples,
            num_images=options.images,
            seed=options.seed,
            proposal=proposal,
        )
        seconds = time.perf_counter() - began
        assert torch.equal(exact.rows, weighted.rows)
        difference, each = weighted.log_prob - exact.log_prob, weighted.sampling_error
        mean, error = float(difference.mean()), float(each.square().sum().sqrt()) / len(difference)
        num_far, sizes = int((difference.abs() > 3 * each).sum()), weighted.effective_size
        print(
            f"| importance, {proposal} | {float(weighted.log_prob.mean()):.4f} | {mean:+.4f} | {error:.4f} "
            f"| {num_far} of {len(difference)} | {float(sizes.median()):.0f} | {float(sizes.min()):.1f} "
            f"| {seconds:.0f} |",
            flush=True,
        )
        fine = num_far == 0 and abs(mean) <= 3 * error  # of the last, the mixture
    misfit = float((exact.elbo + exact.gap - exact.log_prob).abs().max())
    print(
        f"\nELBO {float(exact.elbo.mean()):.4f} + gap {float(exact.gap.mean()):.4f}, by rules of their own:"
    )
    print(
        f"largest |ELBO + gap − log p|: {misfit:.1e} nats (at most 1e-3: {'yes' if misfit <= 1e-3 else 'NO'})"
    )
    print(f"the mixture agrees with quadrature, each image and the mean: {'yes' if fine else 'NO'}")


if __name__ == "__main__":
    main()
