"""Writes the files of a new family, all of them or none, and over nothing that is there."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
from dataclasses import dataclass
from pathlib import Path

from builders.errors import BuildersError
from builders.kit.checkout import Checkout
from builders.kit.paths import BUILDERS
from repository.findings import Finding, finding_of
from repository.places import IS_CHECKOUT, ROOT

TEMPLATE = Path(__file__).parent / "template"
NAME = "newfamily"
"""What the family of the template is called, in its files and in their names."""

LONGEST = 40
_PATTERN = re.compile(r"[a-z][a-z0-9_]*")
_OUTSIDE = 'PROFILE = Path(__file__).resolve().parents[1] / "newfamily.yaml"\n'
_INSIDE = 'PROFILE = "newfamily"\n'
_CODE = '  newfamily: {code: "path:./newfamily"}\n'


class NewError(BuildersError):
    """A family that cannot be written under that name, or at that place."""


@dataclass(frozen=True)
class Written:
    """A family that was written.

    Attributes:
        folder: of the family.
        profile: how :func:`~builders.kit.recipe.profile.load_profile` is asked for its profile,
            from ``start``.
        tests: the folder of its tests, from ``start``.
        start: where its commands are run.
        inside: it lies among the kit's families.
    """

    folder: Path
    profile: str
    tests: str
    start: Path
    inside: bool


def write_family(name: str, at: Path | None = None) -> Written:
    """Write a family.

    Args:
        name: letters, digits and underscores.
        at: the folder of a repository of its own, which is made; or ``builders`` of the kit's
            checkout, to be one of its families. None: that in the checkout, else ``name`` in the
            working directory.

    Raises:
        NewError: the name is none, or taken; or files that are there would be overwritten.
        OSError: they cannot be written.
    """
    if at is None:
        at = BUILDERS if _in_checkout(Path.cwd()) else Path(name)
    at = Path(os.path.abspath(at))  # noqa: PTH100 (no link is followed)
    inside = at.resolve() == BUILDERS.resolve()
    files = _files(name, at, inside=inside)
    if refusals := [*_name(name, inside=inside), *_place(at, files, inside=inside)]:
        raise NewError(refusals)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if inside:
        return Written(at / name, name, f"tests/builders/{name}", ROOT, inside=True)
    return Written(at / name, f"{name}.yaml", "tests", at, inside=False)


def _in_checkout(folder: Path) -> bool:
    return IS_CHECKOUT and folder.resolve().is_relative_to(ROOT.resolve())


def _files(name: str, at: Path, *, inside: bool) -> dict[Path, bytes]:
    """Each file to write, with its content."""
    files: dict[Path, bytes] = {}
    for source in sorted(TEMPLATE.rglob("*")):
        relative = source.relative_to(TEMPLATE).as_posix()
        if not source.is_file() or "__pycache__" in relative:
            continue
        target = at / relative.replace(NAME, name)
        if inside:
            if relative in ("README.md", "pyproject.toml"):
                continue
            if relative == f"{NAME}.yaml":
                target = at / "profiles" / f"{name}.yaml"
            elif relative.startswith("tests/"):
                target = (
                    ROOT / "tests" / "builders" / name / Path(relative).name.replace(NAME, name)
                )
        content = source.read_bytes()
        if source.suffix in (".py", ".yaml", ".md", ".toml"):
            text = content.decode()
            if inside:
                text = text.replace(_OUTSIDE, _INSIDE).replace(_CODE, f"  {NAME}:\n")
                text = text.replace(f"--profile {NAME}.yaml", f"--profile {NAME}")
                text = text.replace(f"python -m {NAME}.train", f"python -m builders.{NAME}.train")
            content = text.replace(NAME, name).encode()
        files[target] = content
    return files


def _name(name: str, *, inside: bool) -> list[Finding]:
    if not _PATTERN.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST:
        expected = f"at most {LONGEST} small letters, digits and underscores, a letter first"
        return [_refusal("the name", expected, repr(name), "Choose another, as shapes.")]
    if name in Checkout().families:
        there = Checkout().place(name).told
        return [_refusal("the name", "one that no family has", there, "Choose another.")]
    if not inside and importlib.util.find_spec(name) is not None:
        expected, found = "one that no package has", f"the package '{name}'"
        return [_refusal("the name", expected, found, f"Choose another, as {name}_models.")]
    return []


def _place(at: Path, files: dict[Path, bytes], *, inside: bool) -> list[Finding]:
    if not inside and _in_checkout(at):
        expected = f"a folder outside the kit's checkout, or its folder {BUILDERS.name}"
        return [_refusal(str(at), expected, "one in it", "Choose another.", ("at",))]
    if not inside and at.exists() and (not at.is_dir() or any(at.iterdir())):
        expected, found = "a new folder, or an empty one", "a file" if at.is_file() else "files"
        return [_refusal(str(at), expected, found, "Choose another.", ("at",))]
    taken = sorted(path for path in files if path.exists())
    if taken:
        found = ", ".join(map(str, taken[:3]))
        return [_refusal(str(at), "files that are not there yet", found, "Move them away.")]
    return []


def _refusal(
    where: str, expected: str, found: str, remedy: str, arguments: tuple[str, ...] = ()
) -> Finding:
    return finding_of("new", where, expected, found, remedy, arguments)
