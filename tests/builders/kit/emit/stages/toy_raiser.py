"""A stage for tests that fails in whatever way it is asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument


class _Coded(Exception):
    """As cv2.error: a code of its own that is none of Triton's."""

    code = -215


class _Named(Exception):
    code = "UNAVAILABLE"


class _Mute(InvalidArgument):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class _MuteFailure(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _deep(level: int) -> int:
    return _deep(level + 1)


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]:
    here = str(folder / "secret.bin")
    errors: dict[str, Callable[[], Any]] = {
        "refused": lambda: InvalidArgument("send something else"),
        "long": lambda: InvalidArgument("a word " * 9999),
        "lines": lambda: InvalidArgument("one\ntwo\x00\x1b[1mthree\u2028four"),
        "surrogates": lambda: InvalidArgument("an odd \udcff byte"),
        "mute": _Mute,
        "coded": lambda: _Coded(here),
        "named": lambda: _Named(here),
        "theirs": lambda: ValueError(here),
        "decoding": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, here),
        "surrogate failure": lambda: RuntimeError("\udcff" + here),
        "mute failure": _MuteFailure,
        "exit": lambda: SystemExit(here),
        "interrupt": lambda: KeyboardInterrupt(here),
        "base": lambda: BaseException(here),
        "memory": lambda: MemoryError(here),
    }

    def run(inputs: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        how = inputs["how"][0].decode()
        if how == "recursion":
            _deep(0)
        if how == "no output":
            return {}
        if how in errors:
            raise errors[how]()
        return {"said": np.array([how.encode()], np.object_)}

    return run
