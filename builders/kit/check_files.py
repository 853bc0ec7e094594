"""Rules on a repository's folders: model folders, their configs, versions and model files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from builders.kit.check_data import check_data
from builders.kit.check_model import is_ensemble
from builders.kit.check_python import called_models, check_python
from builders.kit.check_reading import POINTER, content, exists, guarded, is_pointer, names
from builders.kit.check_rule import finding, listed
from builders.kit.config import FILE_NAME, LARGEST_CONFIG, ConfigError, called, parse
from builders.kit.findings import Finding
from builders.kit.proto import pb

_NOT_VERSIONS = {"warmup", "initial_state", "configs", FILE_NAME}
"""Names in a model's folder that Triton knows and does not take for versions."""

_DEFAULT_FILES = {
    "onnxruntime": "model.onnx",
    "tensorrt": "model.plan",
    "python": "model.py",
    "pytorch": "model.pt",
    "openvino": "model.xml",
}


@dataclass
class ModelFolder:
    """A model as it lies on disk.

    Attributes:
        path: its folder.
        config: what its config.pbtxt says; None if there is none that can be read.
        versions: its version folders.
        served: those that the version policy serves.
    """

    path: Path
    config: pb.ModelConfig | None = None
    versions: dict[int, Path] = field(default_factory=dict)
    served: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The folder's name, which is the model's."""
        return self.path.name

    def model_files(self) -> Iterator[Path]:
        """The model's file in each version that is served, whether or not it is there."""
        if self.config is None or is_ensemble(self.config):
            return
        name = self.config.default_model_filename or _DEFAULT_FILES.get(backend_of(self.config), "")
        if name:
            for version in sorted(self.served):
                yield self.versions[version] / name

    def calls(self) -> set[str]:
        """The models that it is composed of, or calls from its own code as far as that tells."""
        if self.config is None:
            return set()
        if is_ensemble(self.config):
            return {step.model_name for step in self.config.ensemble_scheduling.step}
        if backend_of(self.config) != "python":
            return set()
        return set(called(self.config)).union(*map(called_models, self.model_files()))


def backend_of(config: pb.ModelConfig) -> str:
    """The backend that Triton chooses, where the config leaves it to the platform or file name."""
    if config.backend:
        return str(config.backend)
    by_platform = {
        "onnxruntime_onnx": "onnxruntime",
        "tensorrt_plan": "tensorrt",
        "pytorch_libtorch": "pytorch",
    }
    by_file = {name: backend for backend, name in _DEFAULT_FILES.items()}
    return by_platform.get(config.platform) or by_file.get(config.default_model_filename, "")


def scan(folder: Path) -> tuple[list[ModelFolder], list[Finding]]:
    """The models of a repository, with what is wrong with its folders and files."""
    findings: list[Finding] = []
    models: list[ModelFolder] = []
    subfolders = sorted(_subfolders(folder, findings, top=True))
    for path in subfolders:
        if not _is_text(path.name):
            findings.append(
                finding(
                    "model-name",
                    path.name,
                    "a folder's name in UTF-8",
                    "other bytes",
                    "Rename it.",
                )
            )
            continue
        model = ModelFolder(path)
        own = list(guarded(path.name, _read(model)))
        if model.versions or model.config is not None or exists(path / FILE_NAME):
            models.append(model)
            findings += own
        else:
            findings.append(
                finding(
                    "stray-folder",
                    path.name,
                    f"model folders only, each with a {FILE_NAME} and a version folder",
                    "neither",
                    "Move it out of the repository: Triton takes it for a model and fails.",
                )
            )
    if not subfolders and not findings:
        findings.append(
            finding("repository", str(folder), "a model", "none", "Build a repository there.")
        )
    return models, findings


def _is_text(name: str) -> bool:
    """Whether a file's name is UTF-8; other bytes came as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _subfolders(folder: Path, findings: list[Finding], *, top: bool) -> Iterator[Path]:
    try:
        for path in folder.iterdir():
            if path.is_dir():
                yield path
            elif path.name != FILE_NAME and path.is_symlink() and not exists(path):
                findings.append(
                    finding(
                        "broken-link",
                        path.name if top else f"{folder.name}/{path.name}",
                        "links that lead somewhere",
                        "one that leads nowhere",
                        "Remove it: Triton cannot list its models, and loads none of them."
                        if top
                        else "Remove it: Triton does not load the model.",
                    )
                )
    except OSError as error:
        where = str(folder) if top else folder.name
        rule = "repository" if top else "unreadable"
        remedy = "Name a folder that exists and may be read."
        findings.append(finding(rule, where, "a folder", error.strerror or "an error", remedy))


def _read(model: ModelFolder) -> Iterator[Finding]:
    yield from _read_config(model)
    findings: list[Finding] = []
    ignored = []
    for path in sorted(_subfolders(model.path, findings, top=False)):
        if re.fullmatch(r"0|[1-9][0-9]{0,17}", path.name):
            model.versions[int(path.name)] = path
        elif re.match(r"\s*[+-]?[1-9]", path.name):
            findings.append(
                finding(
                    "version-name",
                    f"{model.name}/{path.name}",
                    "a version folder's name to be a number, and nothing else",
                    f"'{path.name}'",
                    "Rename it: Triton reads the number at its front, then waits for that version "
                    "for ever, or ends if the number is too large.",
                )
            )
        elif path.name not in _NOT_VERSIONS:
            ignored.append(path.name)
    for name in ignored:
        findings.append(
            finding(
                "stray-version",
                f"{model.name}/{name}",
                "version folders, named by a number without leading zeros",
                f"'{name}'",
                "Rename or remove it: Triton does not serve it.",
            )
        )
    yield from findings
    if model.config is not None:
        _infer_backend(model, model.config)
        yield from _choose_versions(model, model.config)
        yield from _check_files(model, model.config)


def _read_config(model: ModelFolder) -> Iterator[Finding]:
    path = model.path / FILE_NAME
    where = f"{model.name}/{FILE_NAME}"
    try:
        text = content(path, LARGEST_CONFIG + 1)
    except FileNotFoundError:
        if any(_subfolders(model.path, [], top=False)):
            yield finding(
                "missing-config",
                model.name,
                f"a {FILE_NAME}",
                "none",
                "Write one: what Triton guesses in its place need not be what you meant.",
            )
        return
    except OSError as error:
        found = error.strerror or "an error"
        yield finding("unreadable", where, "a file", found, "Make it a file that may be read.")
        return
    if len(text) > LARGEST_CONFIG:
        found = f"more than {LARGEST_CONFIG} bytes"
        yield finding("config-syntax", where, "a config", found, "Write a config.")
        return
    try:
        model.config = parse(text, where)
    except ConfigError as error:
        unknown = "has no field named" in error.reason
        yield finding(
            "unknown-field" if unknown else "config-syntax",
            f"{where}:{error.line}" if error.line else where,
            "fields of Triton's model_config.proto" if unknown else "a ModelConfig as text",
            error.reason,
            "Correct or remove the field." if unknown else "Correct the text.",
        )
        if not unknown:
            return
        try:
            model.config = parse(text, where, skip_unknown=True)
        except ConfigError:
            return
    if not model.config.name:
        model.config.name = model.name
    if model.config.name != model.name:
        yield finding(
            "model-name",
            model.name,
            f"the folder's name, '{model.name}'",
            f"name: '{model.config.name}'",
            "Rename one of them.",
        )
        model.config.name = model.name


def _infer_backend(model: ModelFolder, config: pb.ModelConfig) -> None:
    """Fills in the backend where Triton would, from the platform or the model's file."""
    if config.backend or is_ensemble(config):
        return
    config.backend = backend_of(config)
    if not config.backend and not config.platform and not config.default_model_filename:
        for version in sorted(model.versions.values(), key=lambda path: path.name)[:1]:
            for backend, name in _DEFAULT_FILES.items():
                if exists(version / name):
                    config.backend = backend
                    return


def _choose_versions(model: ModelFolder, config: pb.ModelConfig) -> Iterator[Finding]:
    policy = config.version_policy
    present = sorted(model.versions, reverse=True)
    match policy.WhichOneof("policy_choice"):
        case "all":
            model.served = set(present)
        case "specific":
            wanted = set(policy.specific.versions)
            model.served = wanted & set(present)
            for version in sorted(wanted - set(present)):
                yield finding(
                    "missing-version",
                    model.name,
                    f"a folder for version {version}, which version_policy names",
                    f"versions {listed(map(str, present))}",
                    "Add the version, or take it out of the policy.",
                )
        case "latest":
            model.served = set(present[: policy.latest.num_versions])
        case _:
            model.served = set(present[:1])
    if not model.served:
        yield finding(
            "no-version",
            model.name,
            "a version folder that the version policy serves",
            f"versions {listed(map(str, present))}",
            "Add a folder named 1 with the model in it; an ensemble's may be empty.",
        )


def _check_files(model: ModelFolder, config: pb.ModelConfig) -> Iterator[Finding]:
    for path in model.model_files():
        is_python = backend_of(config) == "python"
        if not exists(path):
            yield finding(
                "python-file" if is_python else "model-file",
                f"{model.name}/{path.parent.name}",
                path.name,
                listed(names(path.parent)),
                "Put the model's file there, or name it in default_model_filename.",
            )
        elif is_python:
            yield from check_python(model.name, path, config)
        elif backend_of(config) != "onnxruntime" and is_pointer(path):
            yield finding(
                "model-file",
                f"{model.name}/{path.parent.name}/{path.name}",
                "the model's file",
                POINTER,
                "Fetch the file itself, with git lfs pull.",
            )
    yield from check_data(model.path, config)
