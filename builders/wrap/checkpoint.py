"""Which family takes a folder, as the families declare it, and what a profile says then."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builders.kit.checkout import Checkout
from builders.kit.family import Checkpoint, ConfiguredFamily, Family
from builders.kit.recipe.profile import KIND, FamilyOptions, Profile, ProfileError
from builders.kit.recipe.recipe import make_recipe
from builders.kit.sources.error import read_settings
from builders.wrap.errors import WrapError
from repository.errors import KitError
from repository.files.yaml_file import validated
from repository.findings import Finding, finding_of, printable, shortened
from repository.release import Release

_MOST = 10
"""ONNX files of a folder that are listed."""


@dataclass(frozen=True)
class Taken:
    """A folder that a family takes, and builds.

    Attributes:
        path: as it was given.
        family: the family's name.
        component: the key that names the folder.
        words: what the folder is.
        configured: whether the key stands below the family's own; else it does below ``sources``.
        beside: further keys that may stand there.
        pipelines: what a build gives.
        others: further families that take it.
        onnx: ONNX files in it, which could be served as they are.
    """

    path: Path
    family: str
    component: str
    words: str
    configured: bool
    beside: tuple[str, ...]
    pipelines: tuple[str, ...]
    others: tuple[str, ...]
    onnx: tuple[Path, ...]

    def settings(self, uri: str) -> dict[str, Any]:
        """What stands below the family in a profile, with that URI for the folder."""
        named = {self.component: uri}
        return named if self.configured else {"sources": named}


def take(path: Path, release: Release, checkout: Checkout | None = None) -> Taken | None:
    """Ask every family for a folder; None if none takes it, and it has an ONNX file.

    Args:
        path: a folder with config.json, or with ONNX files.
        release: the Triton that will serve it.
        checkout: where families lie.

    Raises:
        WrapError: no family takes it; the text says what each takes, and what the folder is. Or a
            build would refuse it; all that is wrong.
        SourceError: its config.json cannot be read.
    """
    checkout = checkout or Checkout()
    what = _what(path)
    families, broken = _loaded(checkout)
    takers = [
        (family, kind)
        for family in families
        for kind in family.checkpoints
        if _asked(family, kind, path, broken)
    ]
    files = tuple(sorted(path.rglob("*.onnx")))
    if not takers:
        if any(file.parent == path for file in files):
            return None
        raise WrapError([_unknown(path, what, families, files, broken)])
    family, kind = takers[0]
    configured = isinstance(family, ConfiguredFamily)
    keys = (
        [each for each in family.options.model_fields if each not in FamilyOptions.model_fields]
        if isinstance(family, ConfiguredFamily)
        else family.sources
    )
    taken = Taken(
        path=path,
        family=family.name,
        component=kind.component,
        words=kind.words,
        configured=configured,
        beside=tuple(each for each in keys if each != kind.component),
        pipelines=(),
        others=tuple(dict.fromkeys(each.name for each, _ in takers[1:] if each is not family)),
        onnx=files,
    )
    return _planned(taken, release, checkout)


def _loaded(checkout: Checkout) -> tuple[list[Family | ConfiguredFamily], list[str]]:
    """The families, and why others cannot be asked."""
    found: list[Family | ConfiguredFamily] = []
    broken: list[str] = []
    for name in checkout.families:
        try:
            found.append(checkout.load(name))
        except KitError as problem:
            broken.append(f"the family '{name}' could not be asked: {problem}")
    return found, broken


def _asked(
    family: Family | ConfiguredFamily, kind: Checkpoint, path: Path, broken: list[str]
) -> bool:
    try:
        return kind.is_one(path)
    except KitError as problem:
        broken.append(f"the family '{family.name}' could not be asked: {problem}")
        return False


def _what(path: Path) -> str:
    """What config.json says that the folder holds."""
    file = path / "config.json"
    if not file.exists():
        return "no config.json"
    content: dict[str, Any] = read_settings(file)
    kind, classes = content.get("model_type"), content.get("architectures")
    named = ", ".join(map(str, classes)) if isinstance(classes, list) and classes else "no class"
    return shortened(printable(f"{named}, model_type {kind}"), 200)


def _planned(taken: Taken, release: Release, checkout: Checkout) -> Taken:
    """The same, with the pipelines that a plan finds.

    Raises:
        WrapError: a plan refuses it.
    """
    uri = f"path:{taken.path.absolute()}"
    asked = {"triton": release.name, "families": {taken.family: taken.settings(uri)}}
    profile = validated(asked, Profile, KIND, str(taken.path), {})
    try:
        recipe = make_recipe(profile, checkout)
    except ProfileError as error:
        raise WrapError([_of_folder(each, taken, profile) for each in error.findings]) from error
    names = tuple(each.name for each in recipe.families[taken.family].pipelines)
    return replace(taken, pipelines=names)


def _of_folder(finding: Finding, taken: Taken, profile: Profile) -> Finding:
    """A plan's finding, of a profile that is not written yet, as one of the folder."""
    places = (
        profile.place("families", taken.family, taken.component),
        f"source {taken.family}/{taken.component}",
    )
    if finding.where not in places:
        return finding
    found = finding.found.removeprefix(f"{taken.path.absolute()}: ")
    return replace(finding, where=str(taken.path), found=found)


def _unknown(
    path: Path,
    what: str,
    families: Sequence[Family | ConfiguredFamily],
    files: Sequence[Path],
    broken: Sequence[str],
) -> Finding:
    kinds = [
        f"'{family.name}' ({', '.join(each.words for each in family.checkpoints)})"
        for family in families
        if family.checkpoints
    ]
    reasons = ", and ".join(f"which {each}" for each in _refusals(path, families))
    found = "; ".join((f"{what}, {reasons}" if reasons else what, *broken))
    if files:
        remedy = f"Its ONNX files are served as they are: {_commands(files)}."
    elif what == "no config.json":
        remedy = "Give the folder that holds config.json, or name an ONNX file instead."
    else:
        remedy = (
            "Export it to ONNX, as with `optimum-cli export onnx`, and wrap the file that this "
            "writes: `python -m builders wrap exported/model.onnx`. Or write a family for it."
        )
    expected = f"a checkpoint that a family takes: {'; '.join(kinds)}"
    return finding_of("checkpoint", str(path), expected, found, remedy)


def _refusals(path: Path, families: Sequence[Family | ConfiguredFamily]) -> Iterator[str]:
    for family in families:
        try:
            said = family.refusal(path)
        except KitError:
            continue
        if said is not None:
            yield said


def _commands(files: Sequence[Path]) -> str:
    told = [f"`python -m builders wrap {shlex.quote(str(each))}`" for each in files[:_MOST]]
    more = f", and {len(files) - _MOST} more" if len(files) > _MOST else ""
    return f"{', '.join(told)}{more}"
