"""Runs one model of a repository in a process of its own, and tells what memory it took.

``python -m builders.kit.resources.probe REPOSITORY MODEL PARENT`` reads the model's inputs from
standard input, pickled by :mod:`builders.kit.resources.measure`, its only caller and the process
PARENT, with which it ends. Its last line is JSON: ``bytes`` is the peak of the resident memory
minus what it was before the model was loaded, and ``answers`` the bytes of the outputs.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

from builders.kit.resources.size import size_of
from repository.arrays import Array
from repository.children import end_with_parent
from runtime.inprocess import InProcess

STATUS = Path("/proc/self/status")
RUNS = 2
"""The second run shows what an allocator keeps from the first."""


def _kibibytes(field: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise OSError(f"{STATUS} has no {field}")


def main(repository: Path, model: str) -> None:
    """Measure one model; what it prints last, on success, is one line."""
    inputs = pickle.load(sys.stdin.buffer)
    # proc(5): 5 sets the peak back to what is resident now, without what reading took.
    Path("/proc/self/clear_refs").write_text("5")
    before = _kibibytes("VmRSS")
    outputs: dict[str, Array] = {}
    with InProcess(repository) as process:
        for _ in range(RUNS):
            outputs = dict(process.run(model, inputs))
    grown = _kibibytes("VmHWM") - before
    print(json.dumps({"bytes": grown << 10, "answers": size_of(outputs)}))


if __name__ == "__main__":
    end_with_parent(int(sys.argv[3]))  # a model may take all of the memory
    main(Path(sys.argv[1]), sys.argv[2])
