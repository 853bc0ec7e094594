"""What a comparison measures: a small YAML file, validated in full before anything is started.

A scenario is one of ``perf/scenarios/*.yaml``, by its name, or any YAML file by its path::

    pipeline: ocr
    requests:                  # real inputs, in turn; paths are relative to the scenario
      - image: {file: page.png}
      - image: {file: note.png}
        minimum_score: {value: [0.5]}
    modes: [ensemble, chained, services]
    concurrency: [1, 4]

All but ``pipeline`` has defaults. The requests are those that the pipeline's family declares in its
``usage.py``, so a pipeline's name is a scenario too, and a file overrides what it names. Mistakes
are reported all at once, each with its line, its key and what was probably meant.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from perf.errors import ScenarioError
from perf.paths import SCENARIOS
from perf.result import Mode
from repository.errors import KitError
from repository.files.yaml_file import Kind, parse, suggest, validated
from repository.findings import Finding, shortened
from repository.usage import Input, Inputs
from repository.usage.found import Usages, usages

MODES: tuple[Mode, ...] = get_args(Mode)
Variant = Literal["http", "shared-memory"]
Scalar = bool | int | str
Value = Scalar | list[Any]

# YAML's numbers with a point come as text (repository.files.yaml_file) and become numbers here.
Share = Annotated[float, Field(gt=0, le=4, strict=False, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=3600, strict=False, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, le=1, strict=False, allow_inf_nan=False)]


def _error(findings: list[Finding]) -> ScenarioError:
    return ScenarioError("\n".join(map(str, findings)))


_KIND = Kind("scenario", _error)


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InputOptions(_Options):
    """Where one input of one request comes from: a file or a value, one of the two.

    A third is no part of a file: an input that the pipeline's family makes.

    Attributes:
        file: its path, relative to the scenario's folder. A ``.npy`` file is an array; any other
            file is its bytes.
        value: a number, a text, or nested lists of them.
        made: true where the family makes it.
    """

    file: str | None = None
    value: Value | None = None
    made: bool | None = None

    @field_validator("file")
    @classmethod
    def _is_there(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        path = _resolve(value, (info.context or {}).get("folder"))
        try:
            problem = None if path.is_file() else "no such file"
            if problem is None and path.stat().st_size == 0:
                problem = "an empty one"
        except (OSError, ValueError):
            problem = "a name that no file can have"
        if problem:
            remedy = "Give the path of a file, relative to the scenario."
            raise _refusal("a file that is not empty", remedy, found=f"{problem}: {value!r}")
        return value

    @model_validator(mode="after")
    def _is_one(self, info: ValidationInfo) -> Self:
        if self.made and (info.context or {}).get("declared"):
            return self
        if self.made or (self.file is None) == (self.value is None):
            found = "neither" if self.file is None else "both"
            raise _refusal("either 'file' or 'value'", "Write one of the two.", found=found)
        return self


class Scenario(_Options):
    """What a comparison measures.

    Attributes:
        pipeline: the ensemble.
        requests: input name -> where it comes from; every leg cycles through them. By default those
            that the family declares.
        modes: the ways to serve it.
        concurrency: how many requests are under way at once, for one leg each.
        request_rate: Poisson arrivals, as shares of the ensemble's own throughput at the highest
            concurrency, which the first round finds out.
        variants: the ensemble over HTTP and with system shared memory, at the lowest concurrency.
        count: requests of one measurement, at least; :func:`perf.compare.plan.effort` has the rest.
        warmup: requests before it, at least, which are not counted; 0 is none.
        rounds: how often every leg is measured.
        cold_starts: how often servers are started to time it.
        spread_limit: a leg whose p50 varies more than this, as a share of it, gets no figure.
        timeout_seconds: the longest that one measurement may take.
    """

    pipeline: str = Field(min_length=1, max_length=256)
    requests: list[dict[str, InputOptions]] = Field(default=[], min_length=1, max_length=1000)
    modes: list[Mode] = Field(default=list(MODES), min_length=1)
    concurrency: list[Annotated[int, Field(ge=1, le=256)]] = Field(default=[1, 4], min_length=1)
    request_rate: list[Share] = Field(default=[0.5, 0.8])
    variants: list[Variant] = Field(default=["http", "shared-memory"])
    count: int = Field(default=12, ge=1, le=1_000_000, validate_default=True)
    warmup: int = Field(default=2, ge=0, le=100_000)
    rounds: int = Field(default=4, ge=1, le=1000)
    cold_starts: int = Field(default=2, ge=0, le=100)
    spread_limit: Fraction = 0.2
    timeout_seconds: Seconds = 120.0

    _folder: Path = PrivateAttr(default_factory=Path)
    _declared: Sequence[Inputs] = PrivateAttr(default=())
    _note: str = PrivateAttr(default="")
    _varying: Sequence[str] = PrivateAttr(default=())

    @property
    def note(self) -> str:
        """What the pipeline's family has to say of its requests; empty if nothing."""
        return self._note

    @property
    def varying(self) -> Sequence[str]:
        """The outputs that need not be the same in all modes."""
        return self._varying

    @field_validator("requests")
    @classmethod
    def _have_inputs(cls, value: list[dict[str, InputOptions]]) -> list[dict[str, InputOptions]]:
        if not all(value):
            raise _refusal("inputs in every request", "Name an input.", found="a request of none")
        return value

    @field_validator("modes", "concurrency", "request_rate", "variants")
    @classmethod
    def _stand_once(cls, value: list[Any]) -> list[Any]:
        for each in value:
            if value.count(each) > 1:
                raise _refusal("each once", "Remove the repetition.", found=f"{each!r} twice")
        return value

    @field_validator("count")
    @classmethod
    def _is_enough(cls, value: int, info: ValidationInfo) -> int:
        highest = max(info.data.get("concurrency", [1]))
        if value < highest:
            raise _refusal(
                f"at least {highest}, the highest concurrency",
                "Raise it, or lower the concurrency.",
                found=str(value),
            )
        return value

    def path(self, file: str) -> Path:
        """Where a file that a request names is."""
        return _resolve(file, self._folder)

    def inputs(self, number: int) -> Inputs:
        """The inputs of a request, whose files' paths lead there from the working directory."""
        found: dict[str, Input] = {}
        for name, option in self.requests[number].items():
            if option.made:
                found[name] = self._declared[number][name]
            elif option.file is not None:
                found[name] = self.path(option.file)
            elif option.value is not None:
                found[name] = option.value
        return found

    def but(self, **options: object) -> Scenario:
        """This scenario with other values for some fields.

        Raises:
            ScenarioError: a value is no good.
        """
        given = {name: value for name, value in options.items() if value is not None}
        made = _made(self.model_dump() | given, self._folder, "the options", self._declared)
        made._note, made._varying = self._note, self._varying
        return made


def scenarios() -> tuple[str, ...]:
    """The names of the scenarios that come with the kit, sorted."""
    return tuple(sorted(path.stem for path in SCENARIOS.glob("*.yaml")))


def declared_usages(repository: Path | None = None, code: Sequence[str] = ()) -> Usages:
    """What families declare of their pipelines.

    Args:
        repository: as :func:`repository.usage.found.usages` takes it; so the next.
        code: families that lie elsewhere.

    Raises:
        ScenarioError: it cannot be read.
    """
    try:
        return usages(repository, code)
    except KitError as problem:
        raise ScenarioError(problem.findings or str(problem)) from problem


def load_scenario(name: str | Path, declared: Usages | None = None) -> Scenario:
    """The scenario of that name, in that file, or of the pipeline of that name.

    Args:
        name: a name in :func:`scenarios`, the path of a YAML file (with a suffix or a slash), or a
            pipeline whose family declares requests.
        declared: what families declare; by default all that can be found.

    Raises:
        ScenarioError: no such scenario, or mistakes in it; all of them at once.
    """
    declared = declared or declared_usages()
    text = str(name)
    path = Path(text)
    if "/" not in text and not path.suffix:
        path = SCENARIOS / f"{text}.yaml"
        if text not in scenarios():
            return _of_family({"pipeline": text}, declared, Path())
    scenario = parse(path, Scenario, _KIND, {"folder": path.parent})
    scenario._folder = path.parent
    if scenario.requests:
        usage = declared.of(scenario.pipeline)
        scenario._varying = usage.varying if usage is not None else ()
        return scenario
    return _of_family(scenario.model_dump(exclude_unset=True), declared, path.parent)


def _of_family(fields: Mapping[str, object], declared: Usages, folder: Path) -> Scenario:
    """A scenario with the requests that the pipeline's family declares."""
    pipeline = str(fields["pipeline"])
    usage = declared.of(pipeline)
    if usage is None or not usage.requests:
        asked = [name for name, each in declared.declared.items() if each.requests]
        known = sorted({*scenarios(), *asked})
        raise _KIND.refusal(
            f"'{shortened(pipeline)}'",
            f"a scenario, or a pipeline whose family declares requests: {', '.join(known)}",
            "neither",
            f"{suggest(pipeline, known)} Or give its requests.",
        )
    requests = [
        {name: _option(given, folder) for name, given in inputs.items()}
        for inputs in usage.requests
    ]
    source = f"the requests of '{pipeline}'"
    made = _made({**fields, "requests": requests}, folder, source, tuple(usage.requests))
    made._note, made._varying = usage.note, usage.varying
    return made


def _option(given: Input, folder: Path) -> dict[str, object]:
    """A declared input, as a scenario has it."""
    if callable(given):
        return {"made": True}
    if isinstance(given, Path):
        return {"file": os.path.relpath(given, folder)}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return {"value": list(given)}
    return {"value": str(given) if isinstance(given, float) else given}


def scenario_of(pipeline: str, inputs: Sequence[str]) -> Scenario:
    """A scenario without a file, all else at its default.

    Args:
        pipeline: the ensemble.
        inputs: ``NAME=FILE`` each. A name that stands once is in every request; names that stand
            several times give one request each time.

    Raises:
        ScenarioError: an input is not NAME=FILE, a file is missing, or the numbers differ.
    """
    files: dict[str, list[str]] = {}
    for text in inputs:
        name, equals, file = text.partition("=")
        if not (name and equals and file):
            raise _KIND.refusal("--input", "NAME=FILE", repr(text), "Write as in image=page.png.")
        files.setdefault(name, []).append(file)
    counts = {len(each) for each in files.values()} - {1}
    if len(counts) > 1:
        found = ", ".join(f"{len(each)} of '{name}'" for name, each in files.items())
        remedy = "Give each input once, or as often as the others."
        raise _KIND.refusal("--input", "as many files of each input", found, remedy)
    requests = [
        {name: {"file": each[number] if len(each) > 1 else each[0]} for name, each in files.items()}
        for number in range(max([1, *counts]))
    ]
    return _made({"pipeline": pipeline, "requests": requests}, Path(), "the options")


def _made(
    value: Mapping[str, object], folder: Path, source: str, declared: Sequence[Inputs] = ()
) -> Scenario:
    context = {"folder": folder, "declared": bool(declared)}
    scenario = validated(value, Scenario, _KIND, source, {}, context)
    scenario._folder, scenario._declared = folder, declared
    return scenario


def _resolve(file: str, folder: Path | None) -> Path:
    return (folder or Path()) / Path(file).expanduser()


def _refusal(expected: str, remedy: str, **context: str) -> PydanticCustomError:
    facts = {"expected": expected, "remedy": remedy, **context}
    return PydanticCustomError("refused", "expected {expected}", facts)
