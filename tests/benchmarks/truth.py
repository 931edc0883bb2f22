"""log p(x) by quadrature beside importance weighting, on a run of one or two latent dimensions.

    python tests/benchmarks/truth.py [RUN-DIR] [--data-root DIR] [--images 100] [--samples 5000] [--seed 0]

For each image the difference of the two is told in standard errors of the importance-weighted estimate; the table has
their mean over the images in standard errors of that mean, and the largest misfit of ELBO + gap = log p.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from vae.threads import share_cores

share_cores()

import torch  # noqa: E402

from vae.importance import importance_bound  # noqa: E402
from vae.resume import images_of  # noqa: E402
from vae.runs import Run  # noqa: E402
from vae.snapshots import load_model  # noqa: E402
from vae.truth import truths  # noqa: E402

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
    exact = truths(model, dataset, num_images=options.images, seed=options.seed)
    middle = time.perf_counter()
    weighted = importance_bound(
        model, dataset, k=options.samples, num_images=options.images, seed=options.seed
    )
    end = time.perf_counter()
    assert torch.equal(exact.rows, weighted.rows)
    difference = weighted.log_prob - exact.log_prob
    each = weighted.sampling_error
    mean, error = float(difference.mean()), float(each.square().sum().sqrt()) / len(difference)
    misfit = (exact.elbo + exact.gap - exact.log_prob).abs()
    print(f"{run.name}: test, {len(difference)} images, k = {options.samples:,}, seed {options.seed}")
    print(f"{'':34}{'mean':>12}{'± of the sampling':>20}{'seconds':>9}")
    print(f"{'log p(x), quadrature':34}{float(exact.log_prob.mean()):12.4f}{'':20}{middle - began:9.1f}")
    print(
        f"{'log p(x), importance weighting':34}{float(weighted.log_prob.mean()):12.4f}{error:20.4f}{end - middle:9.1f}"
    )
    print(f"{'difference':34}{mean:12.4f}{error:20.4f}")
    print(f"{'ELBO, exact':34}{float(exact.elbo.mean()):12.4f}")
    print(f"{'gap, KL(q ‖ p(z|x))':34}{float(exact.gap.mean()):12.4f}")
    sizes = weighted.effective_size
    print(f"{'effective sample size':34}{float(sizes.mean()):12.1f}   (least {float(sizes.min()):.1f})")
    far = (difference.abs() > 3 * each).sum()
    print(f"images further apart than 3 of their own standard errors: {int(far)} of {len(difference)}")
    print(f"difference of the means within 3 standard errors: {'yes' if abs(mean) <= 3 * error else 'NO'}")
    print(
        f"largest |ELBO + gap − log p|: {float(misfit.max()):.1e} nats (at most 1e-3: "
        f"{'yes' if float(misfit.max()) <= 1e-3 else 'NO'})"
    )


if __name__ == "__main__":
    main()
