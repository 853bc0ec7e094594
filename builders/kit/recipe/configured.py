"""Families whose models the profile declares: their keys read, and the families made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from builders.kit.family import Conditions, ConfiguredFamily, Family
from builders.kit.recipe.profile import KIND, FamilyOptions, Profile
from repository.errors import KitError
from repository.files.yaml_file import suggest, validated
from repository.findings import Finding
from repository.release import release


def configure(
    profile: Profile,
    loaded: Mapping[str, Family | ConfiguredFamily],
    checkpoint: Callable[[str], Path],
    findings: list[Finding],
) -> dict[str, Family]:
    """The families of a profile, those made that it configures.

    Args:
        profile: what to build.
        loaded: its families, in its order.
        checkpoint: as in :class:`~builders.kit.family.Conditions`.
        findings: gets what is wrong; a family of which anything is wrong is missing in the result.
    """
    made: dict[str, Family] = {}
    for name, family in loaded.items():
        if isinstance(family, Family):
            findings += _unknown_keys(profile, name)
            made[name] = family
            continue
        try:
            made[name] = _made(profile, name, family, checkpoint)
        except KitError as error:
            at = profile.place("families", name)
            remedy = "Mend what the family is asked for."
            told = [KIND.finding(at, "what can be built", str(error), remedy)]
            findings += error.findings or told
    return made


def _made(
    profile: Profile, name: str, family: ConfiguredFamily, checkpoint: Callable[[str], Path]
) -> Family:
    given = profile.families[name]
    if given.sources:
        raise KIND.refusal(
            profile.place("families", name, "sources"),
            f"none, as the options of '{name}' name the checkpoints",
            ", ".join(given.sources),
            "Name them there.",
        )
    below = ("families", name)
    options = validated(
        given.model_extra or {}, family.options, KIND, profile.file, profile.lines, below=below
    )
    conditions = Conditions(
        release=release(profile.triton),
        device=profile.device,
        checkpoint=checkpoint,
        place=partial(profile.place, *below),
        folder=profile.folder,
    )
    return family.make(options, conditions)


def _unknown_keys(profile: Profile, name: str) -> Iterable[Finding]:
    """Refuses keys below a family that takes none."""
    known = list(FamilyOptions.model_fields)
    for key in profile.families[name].model_extra or {}:
        yield KIND.finding(
            profile.place("families", name, key),
            f"one of {', '.join(known)}",
            repr(key),
            suggest(key, known),
        )
