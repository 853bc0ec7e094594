"""The kit's wheel, and an environment that it is installed in."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from repository.places import PACKAGES, ROOT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")

LINK = "builders/bundle/kserve"
"""In the checkout a link to kserve/; in the wheel its files."""

LEFT_OUT = "perf/results/"
"""Figures that README.md and docs/ show."""


def tracked() -> set[str]:
    """Every file of the tree that git knows or would take, by its path from the root."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return {each for each in done.stdout.decode().split("\0") if each and (ROOT / each).exists()}


def expected() -> set[str]:
    """Every file that the wheel should hold, besides what says what it is."""
    files = tracked()
    packages = {each for each in files if each.split("/")[0] in PACKAGES and "/" in each}
    bundle = {f"builders/bundle/{each}" for each in files if each.startswith("kserve/")}
    return {each for each in packages - {LINK} if not each.startswith(LEFT_OUT)} | bundle


def build(folder: Path) -> Path:
    """The wheel of a copy of the tree: building leaves files in it."""
    tree = folder / "tree"
    for name in sorted(tracked()):
        place = tree / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            place.symlink_to((ROOT / name).readlink())
        elif not name.startswith("tests/"):
            place.write_bytes((ROOT / name).read_bytes())
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(folder))
    done = subprocess.run([*PIP, "wheel", *options, "."], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """An environment with the wheel and this one's packages; the folder of its commands.

    The packages are not copied: a path file names where they lie. That of the checkout, which is
    installed there to be edited, is not read from there.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    subprocess.run([*PIP, "--python", python, "install", "--no-deps", wheel], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": folder, "platbase": folder}))
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"
