"""Our side of the pipe to a rival's process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from perf.against.rivals.round import Round
from perf.errors import LegFailed
from repository.children import ending_with_parent
from repository.places import ROOT

_SECONDS = 30.0
"""That a process may take to end by itself."""


class Rival:
    """A process that decodes prompts when it is asked, and waits meanwhile.

    Args:
        title: its name in sentences.
        python: the interpreter of its environment.
        module: the worker's, as ``perf.against.llamacpp.worker``.
        settings: for the worker, of what JSON knows.
    """

    def __init__(
        self, title: str, python: Path, module: str, settings: Mapping[str, object]
    ) -> None:
        self.title = title
        self._process = subprocess.Popen(
            [str(python), "-m", module],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=ending_with_parent(signal.SIGKILL),
        )
        self.version = str(self._exchange(settings)["version"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin and self._process.stdout, "both are pipes"
        self._process.stdin.close()
        try:
            self._process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def decode(self, prompts: Sequence[Sequence[int]], tokens: int) -> Round:
        """Decodes prompts together, greedily.

        Args:
            prompts: their tokens.
            tokens: new ones of each, whatever they are.

        Raises:
            LegFailed: the process ended, or some tokens are missing.
        """
        asked = {"prompts": [list(each) for each in prompts], "tokens": tokens}
        answer = Round.of(self._exchange(asked)["streams"])
        if answer.tokens != tokens * len(prompts):
            raise LegFailed(
                f"{self.title}: expected {tokens} new tokens of each of {len(prompts)} prompts, "
                f"found {answer.tokens} of all"
            )
        return answer

    def _exchange(self, line: Mapping[str, object]) -> dict[str, list[list[list[float]]]]:
        assert self._process.stdin and self._process.stdout, "both are pipes"
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._process.wait(_SECONDS)
            raise LegFailed(
                f"{self.title}: expected an answer of its process, found that it ended with "
                f"{self._process.returncode}. The lines above say why."
            )
        found: dict[str, list[list[list[float]]]] = json.loads(answer)
        return found
