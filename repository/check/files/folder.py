"""Rules on a repository's folders: model folders, their configs, versions and model files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from repository.check.files.data import check_data
from repository.check.files.inferred import HAVE_FILES, infer
from repository.check.files.python import called_models, check_python
from repository.check.guarded import guarded
from repository.check.rules import finding, listed
from repository.config.bytes import odd_lines
from repository.config.facts import called, composing, is_ensemble, is_onnx, is_python
from repository.config.proto import pb
from repository.config.text import FILE_NAME, LARGEST_CONFIG, ConfigError, parse
from repository.files.reading import POINTER, content, exists, is_pointer, names
from repository.findings import Finding

_LARGEST_VERSION = 2**63 - 1

_NOT_VERSIONS = {"warmup", "initial_state", "configs", FILE_NAME}
"""Names in a model's folder that Triton knows and does not take for versions."""


@dataclass
class ModelFolder:
    """A model as it lies on disk.

    Attributes:
        path: its folder.
        config: what its config.pbtxt says, and what Triton infers about its backend; None if no
            config can be read.
        versions: its version folders.
        chosen: the versions that Triton finds and the version policy chooses.
        has_config_file: whether there is a config.pbtxt.
        completed: the config of each version that differs from what is written, since a server
            fills in what is left out.
        is_open: whether a server fills in what is not known here.
    """

    path: Path
    config: pb.ModelConfig | None = None
    versions: dict[int, Path] = field(default_factory=dict)
    chosen: set[int] = field(default_factory=set)
    has_config_file: bool = True
    completed: dict[int, pb.ModelConfig] = field(default_factory=dict)
    is_open: bool = False

    @property
    def served(self) -> set[int]:
        """The versions that are chosen and are there."""
        return self.chosen & self.versions.keys()

    @property
    def name(self) -> str:
        """The folder's name, which is the model's."""
        return self.path.name

    def model_files(self) -> Iterator[Path]:
        """The model's file in each version that is served, whether or not it is there."""
        if self.config is None or is_ensemble(self.config):
            return
        name = self.config.default_model_filename
        if name and self.config.backend in HAVE_FILES:
            for version in sorted(self.served):
                yield self.versions[version] / name

    def calls(self) -> set[str]:
        """The models that it is composed of, and those that its own code names in a call."""
        if self.config is None:
            return set()
        if is_ensemble(self.config):
            return set(composing(self.config))
        if not is_python(self.config):
            return set()
        return set(called(self.config)).union(*map(called_models, self.model_files()))


def scan(folder: Path, *, needs_config: bool = True) -> tuple[list[ModelFolder], list[Finding]]:
    """The models of a repository, with what is wrong with its folders and files.

    Args:
        folder: the repository.
        needs_config: whether a model without a config.pbtxt is wrong; else its config is empty.
    """
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
        own = list(guarded(path.name, _read(model, needs_config)))
        if model.versions or exists(path / FILE_NAME):
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


def _read(model: ModelFolder, needs_config: bool) -> Iterator[Finding]:
    yield from _read_config(model, needs_config)
    findings: list[Finding] = []
    misread: dict[str, int] = {}
    ignored: list[str] = []
    for path in sorted(_subfolders(model.path, findings, top=False)):
        name = path.name
        number = _number(name)
        if number is not None and str(number) == name and 0 <= number <= _LARGEST_VERSION:
            model.versions[number] = path
        elif number is not None:
            misread[name] = number
        elif name not in _NOT_VERSIONS:
            ignored.append(name)
    yield from findings
    if model.config is not None:
        infer(model.config, model.path)
    there = {number for number in misread.values() if abs(number) <= _LARGEST_VERSION}
    yield from _choose_versions(model, model.config or pb.ModelConfig(), there)
    yield from _misread(model, misread)
    for name in ignored:
        yield _stray(model, name, "Triton does not serve it.")
    if model.config is not None:
        yield from _check_files(model, model.config)


def _number(name: str) -> int | None:
    """The number that Triton reads at the front of a folder's name; None if there is none.

    After ``VersionsToLoad`` (model_lifecycle.cc) of triton-inference-server/core at r24.10.
    """
    found = re.match(r"[ \t-\r]*([+-]?[0-9]{1,4000})", name)
    has_leading_zero = len(name) > 1 and name.startswith("0")
    return None if found is None or has_leading_zero else int(found[1])


def _misread(model: ModelFolder, misread: dict[str, int]) -> Iterator[Finding]:
    """Folders whose name begins with a number that Triton takes for a version."""
    for name, number in misread.items():
        too_large = abs(number) > _LARGEST_VERSION
        if too_large or (number in model.chosen and number not in model.versions):
            yield finding(
                "version-name",
                f"{model.name}/{name}",
                "a version folder's name to be a number, and nothing else",
                f"'{name}'",
                "Rename it: Triton ends, since the number is too large for it."
                if too_large
                else f"Rename it: Triton takes it for version {number}, and waits for "
                "a folder of that name without end.",
            )
        else:
            yield _stray(
                model, name, f"Triton reads version {number} in it, and does not serve it."
            )


def _stray(model: ModelFolder, name: str, why: str) -> Finding:
    return finding(
        "stray-version",
        f"{model.name}/{name}",
        "version folders, named by a number without leading zeros",
        f"'{name}'",
        f"Rename or remove it: {why}",
    )


def _read_config(model: ModelFolder, needs_config: bool) -> Iterator[Finding]:
    path = model.path / FILE_NAME
    where = f"{model.name}/{FILE_NAME}"
    try:
        text = content(path, LARGEST_CONFIG + 1)
    except FileNotFoundError:
        model.has_config_file = False
        if not needs_config:
            model.config = pb.ModelConfig(name=model.name)
        elif any(_subfolders(model.path, [], top=False)):
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
        unknown = error.unknown_field
        yield finding(
            "unknown-field" if unknown else "config-syntax",
            f"{where}:{error.line}" if error.line else where,
            "fields of Triton's model_config.proto" if unknown else error.expected,
            error.found,
            "Correct or remove the field." if unknown else "Correct the text.",
        )
        if not unknown:
            return
        try:
            model.config = parse(text, where, skip_unknown=True)
        except ConfigError:
            return
    if odd := odd_lines(text):
        yield finding(
            "config-encoding",
            f"{where}:{odd[0]}",
            "text in UTF-8",
            "other bytes" + (f", on {len(odd)} lines" if odd[1:] else ""),
            "Save the file as UTF-8: Triton takes these bytes, and leaves them out where it tells "
            "others of the config.",
        )
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


def _choose_versions(
    model: ModelFolder, config: pb.ModelConfig, misread: set[int]
) -> Iterator[Finding]:
    """Chooses the versions that are served.

    Args:
        model: its attributes are set.
        config: its config.
        misread: versions that Triton takes to be there, and that are not.
    """
    policy = config.version_policy
    present = sorted(model.versions.keys() | misread, reverse=True)
    match policy.WhichOneof("policy_choice"):
        case "all":
            model.chosen = set(present)
        case "specific":
            wanted = set(policy.specific.versions)
            model.chosen = wanted & set(present)
            for version in sorted(wanted - set(present)):
                yield finding(
                    "missing-version",
                    model.name,
                    f"a folder for version {version}, which version_policy names",
                    f"versions {listed(map(str, present))}",
                    "Add the version, or take it out of the policy.",
                )
        case "latest":
            model.chosen = set(present[: policy.latest.num_versions])
        case _:
            model.chosen = set(present[:1])
    if not model.chosen and model.config is not None:
        yield finding(
            "no-version",
            model.name,
            "a version folder that the version policy serves",
            f"versions {listed(map(str, model.versions))}",
            "Add a folder named 1 with the model in it; an ensemble's may be empty.",
        )


def _check_files(model: ModelFolder, config: pb.ModelConfig) -> Iterator[Finding]:
    for path in model.model_files():
        by_python = is_python(config)
        if not exists(path):
            yield finding(
                "python-file" if by_python else "model-file",
                f"{model.name}/{path.parent.name}",
                path.name,
                listed(names(path.parent)),
                "Put the model's file there, or name it in default_model_filename.",
            )
        elif by_python:
            yield from check_python(model.name, path, config)
        elif not is_onnx(config) and is_pointer(path):
            yield finding(
                "model-file",
                f"{model.name}/{path.parent.name}/{path.name}",
                "the model's file",
                POINTER,
                "Fetch the file itself, with git lfs pull.",
            )
    yield from check_data(model.path, config)
