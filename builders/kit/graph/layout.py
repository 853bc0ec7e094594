"""What lies in a model's version folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from builders.kit.graph import Ensemble, GivenModel, Model, OnnxModel, PlanModel, PythonModel
from builders.kit.graph.bls import BlsModel
from builders.kit.graph.error import GraphError
from builders.kit.graph.fusing.fused import FusedStage
from builders.kit.graph.stage_source import module_path, stage_modules, stage_source
from repository.copied.fused_stage import FLOW
from repository.findings import Finding, finding_of

# Storage downloaders skip files of zero bytes, and git drops empty folders, so no file here is
# empty and an ensemble's version folder, which Triton wants to exist, holds one.
_ENSEMBLE_NOTE = b"Triton asks for a version folder; an ensemble keeps nothing in it.\n"
_PACKAGE = b'"""The stage of this model, and the modules that it imports."""\n'

_EVERY = {
    "abandoned.py": "repository.copied.abandoned",
    "client_text.py": "repository.copied.client_text",
}
_CALLING = {"calling.py": "repository.copied.calling"}
_IN_SEQUENCES = {"sequence_state.py": "repository.copied.sequence_state"}
_STAGE = {
    **_EVERY,
    "model.py": "repository.copied.stage_model",
    "stage_answers.py": "repository.copied.stage_answers",
    "stages/invalid_argument.py": "builders.kit.invalid_argument",
    "stages/unavailable.py": "builders.kit.unavailable",
}
"""What lies in the version folder of every stage: the file, and the module that it is a copy of."""
_STREAMED = {
    "model.py": "repository.copied.stream_model",
    "stream_engine.py": "repository.copied.stream_engine",
}
"""What takes the place of some of these in a streamed stage's, and is added to them."""
_BLS = {
    **_EVERY,
    **_CALLING,
    "flow.py": "repository.copied.flow",
    "model.py": "repository.copied.bls_model",
}
"""The same of every BLS model."""

COPIED = frozenset(
    dotted
    for copies in (_STAGE, _CALLING, _IN_SEQUENCES, _STREAMED, _BLS)
    for dotted in copies.values()
)
"""The modules of the kit that are copied into repositories."""

Content = bytes | Path
"""A file's bytes, or the path of the file to copy."""


def version_files(model: Model, exports: Mapping[str, Path]) -> Mapping[str, Content]:
    """The files of ``<model>/1/``: relative path -> content.

    Args:
        model: any model of a graph.
        exports: where each of its exports lies, by name. One that is a folder, as of a graph with
            its external data, stays a folder, as Triton wants it.

    Raises:
        KeyError: the model needs an export that is not given.
        ModuleNotFoundError: a stage's module does not exist.
        GraphError: two of its files would have one name: see :func:`clashes`.
    """
    if isinstance(model, OnnxModel):
        return _tree("model.onnx", exports[model.export.name])
    if isinstance(model, PlanModel):
        return {"model.plan": exports[model.export.name]}
    if isinstance(model, GivenModel):
        return model.files
    if isinstance(model, BlsModel):
        copies = {path: module_path(dotted) for path, dotted in _BLS.items()}
        return {**copies, "flow.json": model.flow.encode()}
    if isinstance(model, PythonModel):
        if found := next(clashes(model), None):
            raise GraphError([found])
        files: dict[str, Content] = {}
        for path, origin in _origins(model):
            if origin[0] != "optional export" or origin[1] in exports:
                files |= _tree(path, _content(origin, exports))
        return {**files, FLOW: model.flow.encode()} if isinstance(model, FusedStage) else files
    if isinstance(model, Ensemble):
        return {"README": _ENSEMBLE_NOTE}
    raise TypeError(f"'{model.name}' is a {type(model).__name__}, which has no layout")


def clashes(model: Model) -> Iterator[Finding]:
    """Files of a version folder that would have one name: only the last would be left.

    A stage's modules lie side by side there, by the last part of their dotted names.
    """
    if not isinstance(model, PythonModel):
        return
    taken: dict[str, _Origin] = {}
    for path, origin in _origins(model):
        for other, owner in taken.items():
            if path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/"):
                yield finding_of(
                    "model-files",
                    f"graph, {model.name}, {path}",
                    "one file of a name",
                    f"{_told(owner)} and {_told(origin)}",
                    "Rename one of them.",
                )
        taken[path] = origin


_Origin = tuple[str, str]
"""Where a file comes from: "kit", "stage", "package", "export" or "optional export"; its name."""


def _origins(model: PythonModel) -> list[tuple[str, _Origin]]:
    """Each file of a stage's version folder, and where it comes from; equal pairs once."""
    beside = dict(_STAGE)
    if model.streamed:
        beside |= _STREAMED
    if model.calls or model.asks:
        beside |= _CALLING
    if model.sequences is not None:
        beside |= _IN_SEQUENCES
    stages = dict.fromkeys(each for stage in model.stages for each in stage_modules(stage))
    # What the model around it imports too lies in both places.
    there = {dotted for path, dotted in beside.items() if path.startswith("stages/")}
    modules = [each for each in stages if each not in there and each not in model.stages]
    files: list[tuple[str, _Origin]] = [
        *((path, ("kit", dotted)) for path, dotted in beside.items()),
        ("stages/__init__.py", ("package", "stages")),
        *(
            (f"stages/{dotted.rpartition('.')[2]}.py", ("stage", dotted))
            for dotted in (*model.stages, *modules)
        ),
        *((each.name, ("export", each.name)) for each in model.exports),
        *(
            (each.name, ("optional export", each.name))
            for each in model.optional_exports
            if each not in model.exports
        ),
    ]
    return list(dict.fromkeys(files))


def _told(origin: _Origin) -> str:
    kind, name = origin
    return f"the {kind} '{name}'" if kind.endswith("export") else f"the module {name}"


def _content(origin: _Origin, exports: Mapping[str, Path]) -> Content:
    kind, name = origin
    if kind == "kit":
        return module_path(name)
    if kind == "stage":
        return stage_source(name)
    return _PACKAGE if kind == "package" else exports[name]


def _tree(target: str, source: Content) -> dict[str, Content]:
    if isinstance(source, bytes) or not source.is_dir():
        return {target: source}
    files = sorted(path for path in source.rglob("*") if path.is_file())
    return {f"{target}/{path.relative_to(source).as_posix()}": path for path in files}
