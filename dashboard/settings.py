"""Where the dashboard finds runs. Read anew at each call, so that a test or the command line can set it."""

from __future__ import annotations

import os
from pathlib import Path

#: Environment variable that names the folder of runs; `vae dashboard --runs DIR` sets it.
RUNS_VARIABLE = "LATENT_LAB_RUNS"
#: Environment variable with further host names under which the dashboard may be opened, separated by commas.
HOSTS_VARIABLE = "LATENT_LAB_HOSTS"

_HERE = Path(__file__).resolve().parent


def runs_root() -> Path:
    """Folder of the user's runs: of the environment variable, else `runs` in the working directory."""
    return Path(os.environ.get(RUNS_VARIABLE) or "runs").expanduser().absolute()


def shipped_root() -> Path:
    """Folder of the runs that come with the project: inside the package when installed, else the repository's."""
    packaged = _HERE / "_models"
    return packaged if packaged.is_dir() else _HERE.parent / "assets" / "models"


def roots() -> list[Path]:
    """All folders of runs; where one id is in both, the user's run is meant."""
    return [runs_root(), shipped_root()]


def extra_hosts() -> list[str]:
    """Host names that the user allows beside those of this machine."""
    return [name.strip() for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name.strip()]
