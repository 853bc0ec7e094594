"""The values file: what a team's bundle is, in one typed file.

::

    overlay: gpu
    namespace: team-a
    components: [monitoring, keda]
    repository: {claim: models, storageClass: shared}
    images: {triton-multimodal-kit: "registry.example/kit:26.11"}
    replicas: {multimodal: {min: 2, max: 6}}

:func:`load_values` reads it. All mistakes are told at once, each with its line. This module finds
those in the file's form, and :mod:`builders.bundle.rules` combinations that exclude each other.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from builders.bundle.errors import BundleError
from builders.bundle.parts import Parts
from repository.files.yaml_file import Kind, load, place, validated
from repository.files.yaml_text import Location
from repository.findings import Finding

MOST = 100
"""Entries of a list or a mapping: more than a bundle has parts."""

_LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_PARTS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_NAME = rf"^(?=.{{1,253}}$){_PARTS}"
_DOMAIN = rf"^(?=.{{1,200}}$){_PARTS}"
_FOLDER = r"^[A-Za-z0-9_][-A-Za-z0-9_.]*(/[A-Za-z0-9_][-A-Za-z0-9_.]*)*$"
_SIZE = r"^[1-9][0-9]{0,9}(Mi|Gi|Ti)$"
_ROUTE = rf"^[a-z0-9]([-a-z0-9]{{0,61}}[a-z0-9])?/(?=.{{1,253}}$){_PARTS}"
_MIRROR = r"^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$"
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
        "a DNS name: at most 253 of a-z, 0-9, '-' and '.', with a letter or a digit at either end "
        "of each part",
        "Write one as team-a.registry.",
    ),
    Field(json_schema_extra={"pattern": _NAME}),
]
"""RFC 1123, as a Secret has one."""

Domain = Annotated[
    str,
    _form(
        _DOMAIN,
        "a DNS name of at most 200 characters, with a letter or a digit at either end of each part",
        "Write one as models.example.com.",
    ),
    Field(json_schema_extra={"pattern": _DOMAIN}),
]
"""As ``Name``, with room for a service's name before it."""

Folder = Annotated[
    str,
    _form(
        _FOLDER,
        "a folder: names of letters, digits, '-', '_' and '.', with '/' between them",
        "Write one as models.",
    ),
    Field(json_schema_extra={"pattern": _FOLDER}),
]

Size = Annotated[
    str,
    _form(_SIZE, "an amount as 50Gi", "Write one with Mi, Gi or Ti."),
    Field(json_schema_extra={"pattern": _SIZE}),
]

Route = Annotated[
    str,
    _form(_ROUTE, "a namespace and a name, as kserve/kserve-ingress-gateway", "Write both."),
    Field(json_schema_extra={"pattern": _ROUTE}),
]

Mirror = Annotated[
    str,
    _form(_MIRROR, "a registry, and folders if it has some", "Write one as registry.example/kit."),
    Field(json_schema_extra={"pattern": _MIRROR}),
]

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


class ValuesError(BundleError):
    """A values file is missing or mistaken; :attr:`findings` says everything wrong."""


KIND = Kind("values", ValuesError)


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Claim(_Options):
    """A folder of a PersistentVolumeClaim; the overlay decides what is left out.

    Attributes:
        claim: its name.
        folder: the folder in it.
        existing: it exists already, so the bundle does not make it.
        size: what it asks for.
        storage_class: its class; the cluster's default if left out.
        access_mode: how many nodes may mount it.
    """

    claim: Annotated[Name | None, Field(description="The PersistentVolumeClaim's name.")] = None
    folder: Annotated[Folder | None, Field(description="The folder in it, or in the bucket.")] = (
        None
    )
    existing: Annotated[
        bool, Field(description="The claim is there already, and the bundle makes none.")
    ] = False
    size: Annotated[Size | None, Field(description="What the claim asks for, as 50Gi.")] = None
    storage_class: Annotated[
        Name | None, Field(alias="storageClass", description="By default the cluster's.")
    ] = None
    access_mode: Annotated[
        Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"] | None,
        Field(alias="accessMode", description="How many nodes may mount the claim."),
    ] = None


class Repository(Claim):
    """Where the model repository lies: a folder of a claim, or of a bucket.

    Attributes:
        bucket: instead of a claim, ``s3://bucket/prefix``; it switches on ``object-store``.
    """

    bucket: Annotated[
        str | None,
        Field(
            description="Instead of a claim, s3://bucket/prefix, in which `builders push` puts "
            "the folder. It switches on the component object-store."
        ),
    ] = None


class Gateway(_Options):
    """The Gateway that routes lead to.

    Attributes:
        name: ``namespace/name``.
        domain: below which services have their names.
    """

    name: Annotated[Route, Field(description="The Gateway, as namespace/name.")] = (
        "kserve/kserve-ingress-gateway"
    )
    domain: Annotated[Domain, Field(description="Services are <service>.<domain>.")]


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
    if isinstance(value, int) and not isinstance(value, bool):
        return {"min": value}
    if not isinstance(value, Mapping | Replicas):
        facts = {"expected": "a number of pods, or min and max", "remedy": "Write one as 2."}
        raise PydanticCustomError("refused", "expected {expected}", facts)
    return value


class Values(_Options):
    """A team's bundle; the overlay decides what is left out.

    Attributes:
        overlay: one of ``kserve/overlays``, on which this one is built.
        namespace: where everything lives.
        services: what is served, folders in ``kserve/base/services``; None is the overlay's.
        components: folders in ``kserve/components``, switched on.
        repository: where the model repository lies.
        checkpoint: where the decoder's checkpoint lies.
        images: an image of the bundle -> what to run instead, ``registry/name:tag``.
        mirror: put before every image's name.
        pull_secret: the Secret with the credentials of the registries.
        priority_class: of the pods that serve.
        gateway: where routes lead.
        device_class: of GPUs that are claimed.
        gpu: with the component ``mig``: what a Triton gets.
        replicas: service -> how many; ``multimodal: 2`` is short for ``multimodal: {min: 2}``.
    """

    overlay: Annotated[str, Field(description="The shipped overlay on which this one is built.")]
    namespace: Annotated[Label, Field(description="Where everything lives.")] = "multimodal"
    services: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            max_length=MOST,
            description="What is served; by default what the overlay serves.",
        ),
    ] = None
    components: Annotated[
        list[str],
        Field(
            max_length=MOST, description="What is switched on, as the page on overlays lists it."
        ),
    ] = Field(default_factory=list)
    repository: Annotated[
        Repository, Field(description="Where the model repository lies: a claim or a bucket.")
    ] = Repository()
    checkpoint: Annotated[Claim, Field(description="Where the decoder's checkpoint lies.")] = (
        Claim()
    )
    images: Annotated[
        dict[str, Reference],
        Field(
            max_length=MOST,
            description="Image of the bundle -> what to run instead, as registry/name:tag.",
        ),
    ] = Field(default_factory=dict)
    mirror: Annotated[
        Mirror | None,
        Field(description="What is put before every image's name, as registry.example/mirror."),
    ] = None
    pull_secret: Annotated[
        Name | None,
        Field(
            alias="pullSecret",
            description="The Secret with the registries' credentials; switches on pull-secret.",
        ),
    ] = None
    priority_class: Annotated[
        Name | None,
        Field(
            alias="priorityClass",
            description="The PriorityClass of the pods that serve; switches on priority.",
        ),
    ] = None
    gateway: Annotated[
        Gateway | None,
        Field(description="Where routes lead, and below which domain; switches on routes."),
    ] = None
    device_class: Annotated[
        Name | None,
        Field(
            alias="deviceClass",
            description="The DeviceClass of a GPU that is claimed by DRA; switches on dra.",
        ),
    ] = None
    gpu: Annotated[
        Gpu | None, Field(description="With the component mig: the slice that a Triton gets.")
    ] = None
    replicas: Annotated[
        dict[str, Annotated[Replicas, BeforeValidator(_short)]],
        Field(
            max_length=MOST,
            description="Service -> its pods: a number, or min and max where something scales.",
        ),
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
    """The parts with the right form, so that what they exclude is found at once."""
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
    """Removes a key; returns what holds it if it is in a list or missing."""
    node: dict[Any, Any] = value
    for key, after in pairwise(at):
        inner = node.get(key)
        if not isinstance(inner, dict) or after not in inner:
            node.pop(key, None)
            return
        node = inner
    node.pop(at[-1], None)
