"""Rules on the data in a model's folder: labels, warm-up inputs, first states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path

from repository.check.rules import finding
from repository.check.serving import element_bytes
from repository.config.proto import pb
from repository.files.reading import is_file
from repository.findings import Finding


def check_data(folder: Path, config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about files that the config names.

    Args:
        folder: the model's folder.
        config: its config.
    """
    for output in config.output:
        if output.label_filename and not is_file(folder / output.label_filename):
            yield finding(
                "label-file",
                config.name,
                f"the file '{output.label_filename}' in the model's folder",
                "none",
                "Add the file, or remove label_filename.",
                tensor=output.name,
            )
    yield from _warmups(folder, config)
    yield from _states(folder, config)


def _warmups(folder: Path, config: pb.ModelConfig) -> Iterator[Finding]:
    for request in config.model_warmup:
        if request.batch_size == 0:
            continue  # skipped by Triton, its data unread
        for name, sample in sorted(request.inputs.items()):
            data = sample.input_data_file
            if not data:
                continue
            expected = f"the file 'warmup/{data}', for warm-up '{request.name}'"
            found = "none"
            if is_file(folder / "warmup" / data):
                need = _bytes(sample.data_type, sample.dims)
                size = (folder / "warmup" / data).stat().st_size
                if size >= need:
                    continue
                expected, found = f"{expected}, of {need} bytes or more", f"{size} bytes"
            remedy = "Write the file's data, raw, as long as the dims say."
            yield finding("warmup", config.name, expected, found, remedy, tensor=name)


def _states(folder: Path, config: pb.ModelConfig) -> Iterator[Finding]:
    seen: set[str] = set()
    for state in config.sequence_batching.state:
        for initial in state.initial_state[:1]:
            for expected, found in _mistakes(folder, state, initial):
                yield finding(
                    "initial-state",
                    config.name,
                    expected,
                    found,
                    "Correct the initial_state after its state.",
                    tensor=state.input_name,
                )
        if state.initial_state:
            if state.input_name in seen:
                yield finding(
                    "initial-state",
                    config.name,
                    "one state for an input",
                    "two",
                    "Remove one of them.",
                    tensor=state.input_name,
                )
            seen.add(state.input_name)


def _mistakes(
    folder: Path,
    state: pb.ModelSequenceBatching.State,
    initial: pb.ModelSequenceBatching.InitialState,
) -> Iterator[tuple[str, str]]:
    """What was expected and what was found, for each mistake in a state's first value."""
    if initial.data_type != state.data_type:
        yield pb.DataType.Name(state.data_type), pb.DataType.Name(initial.data_type)
    if not initial.name:
        yield "a name for the initial_state", "none"
    fits = len(initial.dims) == len(state.dims) and all(
        have != -1 and want in (-1, have)
        for have, want in zip(initial.dims, state.dims, strict=True)
    )
    if not fits:
        yield f"sizes for dims {list(state.dims)}", str(list(initial.dims))
    match initial.WhichOneof("state_data"):
        case None:
            yield "zero_data or data_file", "neither"
        case "data_file":
            path = folder / "initial_state" / initial.data_file
            need = _bytes(initial.data_type, initial.dims)
            if not is_file(path):
                yield f"the file 'initial_state/{initial.data_file}'", "none"
            elif path.stat().st_size < need:
                yield f"{need} bytes or more in '{initial.data_file}'", str(path.stat().st_size)


def _bytes(data_type: pb.DataType.ValueType, dims: Sequence[int]) -> int:
    """Bytes of a tensor; a string has no size of its own."""
    if data_type == pb.TYPE_STRING:
        return 0
    return prod(max(0, dim) for dim in dims) * element_bytes(data_type)
