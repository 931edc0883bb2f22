"""Published figures obtained again, seed by seed, as the README's table has them.

python tests/benchmarks/reproduce.py --data-root DIR [--seeds 0 1 2] [NAME …]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vae.runtime.cpu_threads import share_cores

share_cores()

from vae.experiments.published import REFERENCES, reproduce  # noqa: E402


def main() -> None:
    """Train each set-up once for each seed and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(REFERENCES))
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    print("| set-up | seed | figure | obtained | published | tolerance | epochs | minutes |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.names:
        for seed in options.seeds:
            found = reproduce(name, data_root=options.data_root, seed=seed)
            for figure, published in found["published"].items():
                print(
                    f"| {name} | {seed} | {figure} | {found['obtained'][figure]:.2f} | {published:.2f} "
                    f"| ±{found['tolerance']:g} | {found['epochs']} of {found['published_epochs']} "
                    f"| {found['training_minutes']:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
