"""Which architectures of speech recognition are served, and the refusal of any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.kit.sources.error import SourceError, read_settings
from repository.findings import shortened


@dataclass(frozen=True)
class Architecture:
    """An architecture of transformers.

    Attributes:
        name: as people call it.
        component: of the family, that takes it.
        model_type: in config.json.
        model_class: the one of its classes that is served.
    """

    name: str
    component: str
    model_type: str
    model_class: str

    def __str__(self) -> str:
        return f"{self.name} ({self.model_class}) as component '{self.component}'"


PARAKEET = Architecture("Parakeet CTC", "parakeet", "parakeet_ctc", "ParakeetForCTC")
WHISPER = Architecture("Whisper", "whisper", "whisper", "WhisperForConditionalGeneration")
SUPPORTED = (PARAKEET, WHISPER)


def is_of(wanted: Architecture, folder: Path) -> bool:
    """Whether a folder in Hugging Face format is of an architecture; its config.json says so.

    Raises:
        SourceError: config.json cannot be read.
    """
    file = folder / "config.json"
    return file.exists() and _is(read_settings(file), wanted)


def _is(content: dict[str, Any], wanted: Architecture) -> bool:
    classes = content.get("architectures")
    return content.get("model_type") == wanted.model_type and classes in (
        None,
        [],
        [wanted.model_class],
    )


def read_config(checkpoint: Path, wanted: Architecture) -> dict[str, Any]:
    """The content of config.json.

    Args:
        checkpoint: a folder in Hugging Face format.
        wanted: what it should be.

    Raises:
        SourceError: there is no config.json, or it is of another architecture; the text says what
            is served.
    """
    served = (
        f"Supported are {' and '.join(map(str, SUPPORTED))}, each as a folder in Hugging Face "
        "format."
    )
    file = checkpoint / "config.json"
    if not file.exists():
        raise SourceError(
            f"{checkpoint}: expected a folder of {wanted.name} with config.json, found none. "
            f"{served}"
        )
    content = read_settings(file)
    if _is(content, wanted):
        return content
    kind, classes = content.get("model_type"), content.get("architectures")
    found = f"{kind!r}" if kind != wanted.model_type else f"the classes {classes}"
    raise SourceError(
        f"{checkpoint}: expected {wanted.name}, model_type '{wanted.model_type}' and class "
        f"{wanted.model_class}, found {shortened(found)}. {served}"
    )
