"""What to build, for which target: a YAML file, validated in full before anything is done.

A profile is one of ``builders/profiles/*.yaml``, by its name, or any YAML file by its path::

    triton: "24.10"        # the release that will serve the repository
    device: cpu            # where ONNX models run: cpu or gpu
    precision: fp32
    families:              # what to build, and from which checkpoints if not the family's own
      ocr:
        sources: {detector: "path:~/models/det.onnx"}
      asr:
      mine: {code: "path:./mine"}   # a family of one's own: its folder
    models:                # how single models are served
      recognise: {instances: 2, parameters: {intra_op_thread_count: 1}}
      transcribe: {precision: int8}

Relative paths start at the profile's folder. Mistakes are reported all at once, each with its line,
its key and the name that was probably meant. Further keys below a family are that family's own:
:mod:`builders.kit.recipe.configured` reads them once the family is loaded.
:func:`builders.kit.recipe.overrides.apply` lays ``models`` and ``device`` over a graph.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from builders.errors import BuildersError
from builders.kit.checkout import Checkout
from builders.kit.paths import BUILDERS
from repository.families import FamilyMisplaced
from repository.families.places import folder_of
from repository.files.yaml_file import Kind, load, place, suggest, validated
from repository.files.yaml_text import Location
from repository.findings import Finding

__all__ = [
    "Batching",
    "BatchingOptions",
    "FamilyOptions",
    "InstanceOptions",
    "Instances",
    "ModelOptions",
    "Options",
    "Parameters",
    "Profile",
    "ProfileError",
    "QueueOptions",
    "Real",
    "load_profile",
    "profiles",
    "refusal",
]

FOLDER = BUILDERS / "profiles"


class ProfileError(BuildersError):
    """A profile is missing or mistaken; :attr:`findings` says everything wrong."""


KIND = Kind("profile", ProfileError)
"""For the words of its errors."""


class Options(BaseModel):
    """A part of a profile: no other keys, and no values of other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _short(key: str) -> Callable[[Any], Any]:
    """A scalar stands for an object with that one key."""
    return lambda value: {key: value} if isinstance(value, str | int | float) else value


def _none_is_empty(value: Any) -> Any:
    return {} if value is None else value


def _text(value: Any) -> Any:
    """Config parameters are strings; YAML's integers and booleans are written as Triton's."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def _number(value: Any) -> Any:
    """The YAML reader leaves 24.10, and so every number with a point, as it is written."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


class FamilyOptions(Options):
    """Where a family lies, which checkpoints it is built from, and what they must reach.

    Further keys are left as they are in the file, for the family to say whether it has such.

    Attributes:
        code: ``path:`` and the folder of a family that is neither the kit's own nor one of an
            installed package.
        sources: component -> source URI; overrides the family's default.
        bounds: metric -> the worst value that passes; overrides the family's default, and the
            manifest records it.
    """

    model_config = ConfigDict(extra="allow")

    code: str | None = None
    sources: dict[str, str] = Field(default_factory=dict)
    bounds: dict[
        str, Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
    ] = Field(default_factory=dict)

    @field_validator("code")
    @classmethod
    def _is_a_family(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            try:
                folder_of(value, (info.context or {}).get("folder"))
            except FamilyMisplaced as error:
                (finding,) = error.findings
                raise refusal(finding.expected, finding.remedy, found=finding.found) from None
        return value


class InstanceOptions(Options):
    """How many copies of a model run, and where; ``instances: 2`` is short for ``{count: 2}``.

    Attributes:
        count: copies, on each GPU if ``kind`` is KIND_GPU.
        kind: None leaves it to the profile's device.
        gpus: which GPUs; none are all.
    """

    count: int = Field(default=1, ge=1, le=1024)
    kind: Literal["KIND_CPU", "KIND_GPU"] | None = None
    gpus: list[Annotated[int, Field(ge=0)]] = Field(default_factory=list)


LARGEST_INTEGER = 2**31 - 1
"""Beyond it, a number of a config's 32 bits cannot be written."""


class QueueOptions(Options):
    """The bound on waiting requests; what is left out stays as the graph has it.

    Attributes:
        max_size: requests that may wait; 0 is unbounded.
        timeout_microseconds: the longest wait; 0 is without end.
        timeout_action: what happens after it.
        allow_timeout_override: a request may shorten its own wait.
    """

    max_size: int | None = Field(default=None, ge=0, le=LARGEST_INTEGER)
    timeout_microseconds: int | None = Field(default=None, ge=0)
    timeout_action: Literal["REJECT", "DELAY"] | None = None
    allow_timeout_override: bool | None = None


class BatchingOptions(Options):
    """Dynamic batching; ``batching: false`` is short for ``{enabled: false}``.

    Attributes:
        enabled: whether requests are joined at all.
        preferred_sizes: batch sizes that are sent at once.
        max_queue_delay_microseconds: how long to wait for one.
        preserve_ordering: answer in the order of arrival.
        priority_levels: how many there are.
        default_priority_level: that of a request without one.
    """

    enabled: bool = True
    preferred_sizes: list[Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]] | None = None
    max_queue_delay_microseconds: int | None = Field(default=None, ge=0)
    preserve_ordering: bool | None = None
    priority_levels: int | None = Field(default=None, ge=0)
    default_priority_level: int | None = Field(default=None, ge=0)


Instances = Annotated[InstanceOptions | None, BeforeValidator(_short("count"))]
"""Also a number alone."""
Parameters = dict[str, Annotated[str, BeforeValidator(_text)]]
"""A config's parameters."""
Batching = Annotated[BatchingOptions | None, BeforeValidator(_short("enabled"))]
"""Also true or false alone."""
Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
"""A number with a point, or without."""


class ModelOptions(Options):
    """How one model is served; what is left out stays as the graph has it.

    Attributes:
        instances: how many copies.
        parameters: the config's parameters, laid over the graph's.
        queue: the bound on waiting requests.
        batching: dynamic batching.
        max_batch_size: for a model that batches, at least 1.
        response_cache: answer equal requests from the server's cache.
        precision: fp32, or int8 for an ONNX model on a CPU whose family allows it.
    """

    instances: Instances = None
    parameters: Parameters = Field(default_factory=dict)
    queue: QueueOptions | None = None
    batching: Batching = None
    max_batch_size: int | None = Field(default=None, ge=1, le=LARGEST_INTEGER)
    response_cache: bool | None = None
    precision: Literal["fp32", "int8"] = "fp32"


class Profile(Options):
    """What to build, for which target.

    Attributes:
        triton: the release that will serve the repository, by its NGC name.
        device: where ONNX models run.
        precision: of the weights and of the arithmetic, where ``models`` says no other.
        families: the families to build.
        hub: whether ``hub:`` sources may be fetched over the network.
        bls: whether each pipeline is also built as a BLS model, ``<pipeline>_bls``.
        fuse: whether neighbouring models of a pipeline become one; "beside" builds such a form as
            ``<pipeline>_fused``, and leaves the pipeline as it is.
        models: by model name, how it is served.
    """

    triton: str
    device: Literal["cpu", "gpu"] = "cpu"
    precision: str = "fp32"
    families: dict[str, Annotated[FamilyOptions, BeforeValidator(_none_is_empty)]] = Field(
        min_length=1
    )
    hub: bool = False
    bls: bool = False
    fuse: bool | Literal["beside"] = False
    models: dict[str, Annotated[ModelOptions, BeforeValidator(_none_is_empty)]] = Field(
        default_factory=dict
    )

    _origin: str = PrivateAttr(default="demo")
    _file: str = PrivateAttr(default="profile")
    _folder: Path = PrivateAttr(default_factory=Path.cwd)
    _lines: Mapping[Location, int] = PrivateAttr(default_factory=dict)

    @property
    def origin(self) -> str:
        """What :func:`load_profile` was given, for commands that are shown."""
        return self._origin

    @property
    def file(self) -> str:
        """The name of the profile's file, for messages."""
        return self._file

    @property
    def folder(self) -> Path:
        """Where its relative paths start: its file's folder; without a file, here."""
        return self._folder

    @property
    def lines(self) -> Mapping[Location, int]:
        """The line of each key in that file, as far as they are known."""
        return self._lines

    @property
    def code(self) -> dict[str, Path]:
        """The folders of the families whose code it names.

        Raises:
            ProfileError: one is gone since the profile was read.
        """
        found: dict[str, Path] = {}
        findings: list[Finding] = []
        for name, options in self.families.items():
            if options.code is None:
                continue
            try:
                found[name] = folder_of(options.code, self.folder)
            except FamilyMisplaced as error:
                at = self.place("families", name, "code")
                findings += [replace(each, rule=KIND.what, where=at) for each in error.findings]
        if findings:
            raise ProfileError(findings)
        return found

    def place(self, *keys: str) -> str:
        """Where keys stand in the profile, for a finding."""
        return place(self._file, keys, self._lines)

    @field_validator("triton")
    @classmethod
    def _is_known(cls, value: str) -> str:
        from repository.release import RELEASES

        if value not in RELEASES:
            known = list(RELEASES)
            raise refusal(f"a Triton release: {', '.join(known)}", suggest(value, known))
        return value

    @field_validator("precision")
    @classmethod
    def _is_built(cls, value: str) -> str:
        if value != "fp32":
            raise refusal(
                "fp32, the one precision that this version builds all models in",
                "Write fp32; models.<name>.precision can make a single one int8.",
            )
        return value

    @field_validator("families")
    @classmethod
    def _exist(cls, value: dict[str, FamilyOptions]) -> dict[str, FamilyOptions]:
        for name, options in value.items():
            if not name.isidentifier():
                raise refusal(
                    "names of families, of letters, digits and underscores",
                    f"Rename it, as {_identifier(name)}.",
                    found=repr(name),
                )
            # What the kit has is found at once; what else is installed takes a look at all of it.
            if options.code is None and not (BUILDERS / name / "family.py").is_file():
                known = Checkout().families
                if name not in known:
                    raise refusal(
                        f"names of families: {', '.join(known) or 'none are there'}",
                        _unknown(name, known),
                        found=repr(name),
                    )
        return value


def profiles() -> tuple[str, ...]:
    """The names of the profiles that come with the kit, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_profile(name: str | Path) -> Profile:
    """The profile of that name, or in that file.

    Args:
        name: a name in :func:`profiles`, or the path of a YAML file (with a suffix or a slash).

    Raises:
        ProfileError: no such profile, or mistakes in it; all of them at once.
    """
    text = str(name)
    # Unlike Path's, this one leaves the name of an unknown user as it is.
    path = Path(os.path.expanduser(text))  # noqa: PTH111
    if "/" not in text and not path.suffix:
        if text not in profiles():
            raise KIND.unknown(text, profiles())
        path = FOLDER / f"{text}.yaml"
    folder = path.absolute().parent
    value, lines = load(path, Profile, KIND)
    profile = validated(value, Profile, KIND, path.name, lines, {"folder": folder})
    profile._origin, profile._file, profile._lines = text, path.name, lines
    profile._folder = folder
    return profile


def _identifier(name: str) -> str:
    """A name of a family that is like another."""
    return re.sub(r"\W+", "_", name).strip("_0123456789").lower() or "mine"


def _unknown(name: str, known: Sequence[str]) -> str:
    near = suggest(name, known)
    return near if near.startswith("Did") else f"{near} Or say where it lies: code: path:./{name}."


def refusal(expected: str, remedy: str, **context: str) -> PydanticCustomError:
    """What a validator raises: told with the key's line, what was expected and how to mend it."""
    facts: Mapping[str, str] = {"expected": expected, "remedy": remedy, **context}
    return PydanticCustomError("refused", "expected {expected}", dict(facts))
