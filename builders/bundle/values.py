"""The values file: what a team's bundle is, in one typed file.

::

    overlay: gpu
    namespace: team-a
    components: [monitoring, keda]
    images: {triton-multimodal-kit: "registry.example/kit:26.11"}
    replicas: {multimodal: {min: 2, max: 6}}

:func:`load_values` reads it. Mistakes are told all at once, each with its line: of the file's form
here, of what excludes what in :mod:`builders.bundle.rules`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from builders.bundle.parts import Parts
from builders.kit.findings import Finding
from builders.kit.yaml_file import Kind, load, place, validated
from builders.kit.yaml_text import Location

_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_IMAGE = (
    r"^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$"
)


def _form(pattern: str, words: str, remedy: str) -> AfterValidator:
    """Refuses text of another form, in words; the schema has the pattern."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            facts: dict[str, str] = {"expected": words, "remedy": remedy}
            raise PydanticCustomError("refused", "expected {expected}", facts)
        return value

    return AfterValidator(check)


Label = Annotated[
    str,
    _form(
        _LABEL,
        "a DNS label: at most 63 of a-z, 0-9 and '-', and no '-' at an end",
        "Write one as team-a.",
    ),
    Field(json_schema_extra={"pattern": _LABEL}),
]
"""RFC 1123, as a namespace is one."""

Name = Annotated[
    str,
    _form(
        _NAME,
        "a DNS name: a-z, 0-9, '-' and '.', with a letter or a digit at either end",
        "Write one as team-a.registry.",
    ),
    Field(json_schema_extra={"pattern": _NAME}),
]
"""RFC 1123, as a Secret has one."""

Reference = Annotated[
    str,
    _form(
        _IMAGE,
        "an image",
        "Write one as registry.example/kit:26.11 or registry.example/kit@sha256:….",
    ),
    Field(json_schema_extra={"pattern": _IMAGE}),
]
"""``registry/name:tag@sha256:…``, tag and digest each or both left out (distribution/reference)."""


class ValuesError(ValueError):
    """A values file is missing or mistaken; :attr:`findings` says everything wrong."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


KIND = Kind("values", ValuesError)


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Gpu(_Options):
    """A slice of a GPU for each Triton.

    Attributes:
        type: the GPU, as :data:`builders.bundle.gpus.SLICES` names it.
        slice: its MIG profile, as ``1g.10gb``.
    """

    type: Annotated[str, Field(description="The type of the nodes' GPUs.")]
    slice: Annotated[str, Field(description="The MIG profile that each Triton gets, as 1g.10gb.")]


class Replicas(_Options):
    """How many pods a service has.

    Attributes:
        min: always, and all of them where nothing scales.
        max: the most, with a component that scales.
    """

    min: Annotated[int, Field(ge=0, le=1000, description="Pods that there always are.")]
    max: Annotated[
        int | None, Field(ge=1, le=1000, description="With a component that scales: the most.")
    ] = None


def _short(value: Any) -> Any:
    return {"min": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Values(_Options):
    """A team's bundle; what is left out is as the overlay has it.

    Attributes:
        overlay: one of ``kserve/overlays``, on which this one is built.
        namespace: where everything lives.
        services: what is served, folders in ``kserve/base/services``; None is the overlay's.
        components: folders in ``kserve/components``, switched on.
        images: an image of the bundle -> what to run instead, ``registry/name:tag``.
        pull_secrets: Secrets with the credentials of the registries.
        gpu: with the component ``mig``: what a Triton gets.
        replicas: service -> how many; ``multimodal: 2`` is short for ``multimodal: {min: 2}``.
    """

    overlay: Annotated[str, Field(description="The shipped overlay on which this one is built.")]
    namespace: Annotated[Label, Field(description="Where everything lives.")] = "multimodal"
    services: Annotated[
        list[str] | None,
        Field(min_length=1, description="What is served; by default what the overlay serves."),
    ] = None
    components: Annotated[
        list[str], Field(description="What is switched on, as kserve/README.md lists it.")
    ] = Field(default_factory=list)
    images: Annotated[
        dict[str, Reference],
        Field(description="Image of the bundle -> what to run instead, as registry/name:tag."),
    ] = Field(default_factory=dict)
    pull_secrets: Annotated[
        list[Name],
        Field(alias="pullSecrets", description="Secrets with the registries' credentials."),
    ] = Field(default_factory=list)
    gpu: Annotated[
        Gpu | None, Field(description="With the component mig: the slice that a Triton gets.")
    ] = None
    replicas: Annotated[
        dict[str, Annotated[Replicas, BeforeValidator(_short)]],
        Field(description="Service -> its pods: a number, or min and max where something scales."),
    ] = Field(default_factory=dict)


def load_values(path: Path, parts: Parts) -> Values:
    """The values of a file.

    Args:
        path: the file.
        parts: the bundle that it is for.

    Raises:
        ValuesError: it cannot be read, does not fit, or asks for what does not go together; all
            mistakes at once.
    """
    from builders.bundle.rules import mistakes

    value, lines = load(path, Values, KIND)
    findings: list[Finding] = []
    try:
        values = validated(value, Values, KIND, path.name, lines)
    except ValuesError as error:
        findings += error.findings
        sound = _sound(value)
        if "overlay" not in sound:
            raise
        values = Values.model_validate(sound)
    findings += mistakes(values, parts, lambda *at: place(path.name, at, lines))
    if findings:
        raise ValuesError(findings)
    return values


def _sound(value: Mapping[str, Any]) -> dict[str, Any]:
    """What is of the right form, so that what excludes what can be said of it at once."""
    rest: dict[str, Any] = copy.deepcopy(dict(value))
    before = None
    while rest != before:
        before = copy.deepcopy(rest)
        try:
            Values.model_validate(rest)
        except ValidationError as error:
            for each in error.errors():
                _remove(rest, tuple(part for part in each["loc"] if part != "[key]"))
    return rest


def _remove(value: dict[str, Any], at: Location) -> None:
    """Removes a key; what holds it, where it is in a list or missing."""
    node: dict[Any, Any] = value
    for key, after in pairwise(at):
        inner = node.get(key)
        if not isinstance(inner, dict) or after not in inner:
            node.pop(key, None)
            return
        node = inner
    node.pop(at[-1], None)
