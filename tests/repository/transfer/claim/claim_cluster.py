"""A cluster with one claim, which a stand-in for kubectl keeps in folders."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repository.transfer.claim.kubectl import Cluster

CLUSTER = Cluster(namespace="multimodal", timeout=0.2)

# Without faults an exec needs no Python, which takes longest to start.
FAST = r"""#!/bin/sh
case " $* " in *" exec "*) [ -e "$KUBECTL_STATE/faults.json" ] || {
  line=
  while [ "$1" != -- ]; do
    line="$line $1"
    case $1 in repository-transfer-*) pod=$1 ;; esac
    shift
  done
  echo "$line" >> "$KUBECTL_STATE/log"
  [ -e "$KUBECTL_STATE/pods/$pod" ] || { echo "Error (NotFound): pod not found" >&2; exit 1; }
  script=$4 folder="$KUBECTL_STATE/claims/model-repository${6#/claim}"
  shift 6
  PATH=$STANDIN_PATH LC_ALL=C exec sh -c "$script" sh "$folder" "$@"
} ;; esac
"""


class Standin:
    """A cluster with one claim."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.volume = state / "claims" / "model-repository"
        self.models = self.volume / "models"
        for folder in (self.volume, state / "pods", state / "deleted", state / "bin"):
            folder.mkdir(parents=True)
        slow = Path(__file__).with_name("kubectl_standin.py")
        program = state / "bin" / "kubectl"
        program.write_text(FAST + f'exec "{sys.executable}" -ISE "{slow}" "$@"\n')
        program.chmod(0o755)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """What is sent of a model stands still meanwhile, or until :meth:`let_go`."""
        (self.state / "held").touch()
        try:
            yield
        finally:
            self.let_go()

    def let_go(self) -> None:
        """What was held goes on."""
        (self.state / "held").unlink(missing_ok=True)

    def faults(self, **known: Any) -> None:
        (self.state / "faults.json").write_text(json.dumps(known))

    def calls(self, verb: str) -> list[str]:
        lines = (self.state / "log").read_text().splitlines()
        return [line for line in lines if verb in line.split()]

    def pods(self) -> list[str]:
        return [each.name for each in (self.state / "pods").iterdir()]

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.models).as_posix(): path.read_bytes()
            for path in self.models.rglob("*")
            if path.is_file()
        }
