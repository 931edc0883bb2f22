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
from pathlib import Path

from vae.runtime.cpu_threads import share_cores

share_cores()

import torch  # noqa: E402

from tests.benchmarks.situation_judge import judge  # noqa: E402
from tests.benchmarks.situation_odd import FEW, NOTHING, OWN_LOOPS  # noqa: E402
from tests.benchmarks.situation_runs import (  # noqa: E402
    Bench,
)
from tests.benchmarks.situation_trainings import BEGUN, COLLAPSED, FAULTS, HEALTHY, MNIST  # noqa: E402

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
