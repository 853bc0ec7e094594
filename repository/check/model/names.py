"""Rules on names that Triton passes on: to a shell, to Python, into URLs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from repository.check.rules import finding
from repository.config.bytes import is_odd
from repository.config.proto import pb
from repository.files.plain import unsafe_characters
from repository.findings import Finding

_ASCII = (
    "a stub's interpreter finds files by ASCII names alone, in a UTF-8 locale too, and the model "
    "does not load."
)

STUBS = {"python", "onnxruntime", "vllm"}
"""Backends that run in a stub of the Python backend: onnxruntime does on the local server."""

_ARCHIVES = (".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".zip")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
"""What a URL holds as it is (RFC 3986); Triton 24.10 does not decode the rest."""


def check_names(config: pb.ModelConfig, backend: str) -> Iterator[Finding]:
    """Findings about the names of a model and of what belongs to it.

    Args:
        config: the model's config, its name filled in.
        backend: the backend that Triton chooses.
    """
    if backend in STUBS:
        for what, text in _passed(config).items():
            if characters := unsafe_characters(text):
                yield finding(
                    "shell-name",
                    config.name,
                    f"no space, quote or other sign of a shell in the {what}",
                    f"{_shown(characters)} in '{text}'",
                    "Rename it, with letters, digits, '_' and '-': Triton writes it into a command "
                    f"of bash without quotes, and a model of {backend} never loads.",
                )
        by_name = _found_by_name(config)
        for what, text in _passed(config).items():
            if is_odd(text) or (what in by_name and not text.isascii()):
                yield finding(
                    "ascii-name",
                    config.name,
                    f"ASCII in the {what}",
                    f"'{text}'",
                    f"Rename it, with letters from a to z: {_ASCII}",
                )
    if not _UNRESERVED.fullmatch(config.name):
        yield finding(
            "url-name",
            config.name,
            "a name of letters, digits and '._~-'",
            f"'{config.name}'",
            "Rename it: Triton does not decode URLs, so that gRPC reaches it and HTTP does not.",
        )


def check_path(folder: Path, backends: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about the path of a repository, which a stub gets by way of a shell.

    Args:
        folder: the repository.
        backends: each model's backend.
    """
    path = os.path.abspath(folder)  # noqa: PTH100 -- a link is passed on as it is
    if not any(backend in STUBS for backend in backends.values()):
        return
    if characters := unsafe_characters(path):
        yield finding(
            "shell-path",
            path,
            "no space, quote or other sign of a shell in the repository's path",
            _shown(characters),
            "Rename or link its folders: Triton writes the path into a command of bash without "
            "quotes, and no Python model loads.",
        )
    if not path.isascii():
        yield finding(
            "ascii-path",
            path,
            "ASCII in the repository's path",
            _shown("".join(dict.fromkeys(each for each in path if not each.isascii()))),
            f"Rename or link its folders, with letters from a to z: {_ASCII}",
        )


def check_files_of_code(name: str, file: Path, *, of_kit: bool) -> Iterator[Finding]:
    """Findings about files that a Python model cannot open, since their names are not ASCII.

    Args:
        name: the model's.
        file: its ``model.py``; another check looks at its own name.
        of_kit: whether the kit wrote it, so that each file in ``stages/`` is imported.
    """
    version = file.parent
    strange: dict[str, list[str]] = {"ascii-name": [], "ascii-file": []}
    for folder, _, files in os.walk(version):
        for path in (Path(folder, each).relative_to(version) for each in files):
            if not str(path).isascii() and path != Path(file.name):
                imported = of_kit and path.parts[0] == "stages"
                strange["ascii-name" if imported else "ascii-file"].append(str(path))
    for rule, paths in strange.items():
        if paths:
            yield finding(
                rule,
                f"{name}/{version.name}",
                "names of files in ASCII",
                f"{len(paths)}, as '{min(paths)}'",
                "Rename them, with letters from a to z: the interpreter of a Python model finds "
                "files by ASCII names alone, in a UTF-8 locale too.",
            )


def _found_by_name(config: pb.ModelConfig) -> dict[str, str]:
    """What a stub's interpreter looks for in its file system, by what it is."""
    return {"model's name": config.name, "model's file name": config.default_model_filename}


def _passed(config: pb.ModelConfig) -> dict[str, str]:
    """What the Python backend writes into a stub's command line, by what it is."""
    texts = _found_by_name(config)
    for index, group in enumerate(config.instance_group):
        texts[f"name of instance group {index}"] = group.name
    if "EXECUTION_ENV_PATH" in config.parameters:
        path = config.parameters["EXECUTION_ENV_PATH"].string_value
        # An archive is unpacked into a folder of the server's own.
        if not path.endswith(_ARCHIVES):
            texts["parameter EXECUTION_ENV_PATH"] = path.removeprefix("$$TRITON_MODEL_DIRECTORY")
    return {what: text for what, text in texts.items() if text}


def _shown(characters: str) -> str:
    return ", ".join(ascii(character) for character in characters)
