"""Runs a pipeline of a built repository in this process, with no server.

The floor that serving is measured against, and the way a build measures its metrics. It reads the
repository alone: ``config.pbtxt``, ONNX files, and the stages' copies in the version folders.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np

from repository.arrays import Array, Arrays, DType
from repository.config.facts import (
    called,
    composing,
    has_decoupled,
    is_decoupled,
    is_ensemble,
    is_onnx,
    is_python,
    is_sequence,
)
from repository.config.proto import pb
from repository.config.text import read_config
from repository.config.wiring import ends, wiring
from repository.copied.flow import Tensors, waves
from repository.copied.sequence_state import MOST, Sequences
from repository.layout import VERSION
from runtime.collected import Collecting
from runtime.errors import RuntimeFailure

Runner = Callable[[Arrays], Arrays]

_UNDER_WAY = 8
"""Calls that a stage makes at once and that run at once, in threads."""


class NotInProcess(RuntimeFailure):
    """A model that only a server can run."""


class OutputMistaken(RuntimeFailure):
    """A model that gave an output of another kind of data than its config declares."""


class RequestMistaken(RuntimeFailure, ValueError):
    """A request with inputs that the model does not have, or that are of other data types.

    It is a ValueError too, as a stage's refusal is, so a caller handles both alike.
    """


class InProcess:
    """The models of a repository as functions, each loaded at its first use.

    Args:
        repository: a built model repository.
        observe: gets each model's name and inputs before it runs, from the thread that runs it.
    """

    def __init__(
        self, repository: Path, *, observe: Callable[[str, Arrays], None] | None = None
    ) -> None:
        self.repository = repository
        self._observe = observe
        self._runners: dict[str, Runner] = {}
        self._engines: list[Collecting] = []
        self._pool = ThreadPoolExecutor(thread_name_prefix="inprocess")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what runs in threads of its own: the engines of streamed stages."""
        while self._engines:
            self._engines.pop().close()
        self._runners.clear()
        self._pool.shutdown(wait=False)

    def run(self, pipeline: str, inputs: Arrays) -> Arrays:
        """One request. A streamed model's pieces are joined along each output's first axis.

        Args:
            pipeline: a model's name, usually an ensemble's.
            inputs: its inputs by name; optional ones may be missing. Of a model whose requests
                come in sequences also ``start`` and ``end`` (BOOL, default false) and
                ``correlation`` (an integer or BYTES), each of one element.

        Returns:
            All of its outputs by name.

        Raises:
            FileNotFoundError: the repository has no such model.
            RequestMistaken: an input is missing or unknown, or has another data type.
            OutputMistaken: a model gave an output of another kind of data than it declares, as a
                fraction for a whole number.
            ValueError: a stage refused an input.
        """
        return self._runner(pipeline)(inputs)

    def load(self, pipeline: str) -> None:
        """Loads a model and all that it calls, as its first use would.

        Raises:
            FileNotFoundError: the repository has no such model.
            NotInProcess: its backend does not run here.
        """
        self._runner(pipeline)

    def _runner(self, name: str) -> Runner:
        if name not in self._runners:
            config = self._config(name)
            self._runners[name] = self._observed(name, _checked(config, self._load(name, config)))
        return self._runners[name]

    def _config(self, name: str) -> pb.ModelConfig:
        return read_config(self.repository / name / "config.pbtxt")

    def _observed(self, name: str, run: Runner) -> Runner:
        if self._observe is None:
            return run
        observe = self._observe

        def observed(inputs: Arrays) -> Arrays:
            observe(name, inputs)
            return run(inputs)

        return observed

    def _load(self, name: str, config: pb.ModelConfig) -> Runner:
        folder = self.repository / name / VERSION
        parameters = {key: value.string_value for key, value in config.parameters.items()}
        if is_ensemble(config):
            return self._ensemble(config)
        if is_onnx(config):
            return _onnx(folder, config)
        if is_python(config) and "stage" in parameters:
            return self._stage(name, config, folder, parameters)
        raise NotInProcess(
            f"'{name}': expected a model that runs in process, found the backend "
            f"'{config.backend}'. Ask a server for it."
        )

    def _stage(
        self, name: str, config: pb.ModelConfig, folder: Path, parameters: Mapping[str, str]
    ) -> Runner:
        names = called(config)
        for each in names:
            self._runner(each)

        def call(model: str, requests: Sequence[Arrays]) -> list[Arrays]:
            if model not in names:
                raise KeyError(f"'{name}' declares no call of '{model}'")
            run = self._runner(model)
            if len(requests) < 2:
                return [run(each) for each in requests]
            # It has its own threads: in a pool that all calls share, callers could wait for each
            # other.
            with ThreadPoolExecutor(min(len(requests), _UNDER_WAY)) as pool:
                return list(pool.map(run, requests))

        prepare = _load_stage(name, folder, parameters).prepare
        if is_decoupled(config):
            outputs = [tensor.name for tensor in config.output]
            make = functools.partial(prepare, folder, parameters)
            with _no_bytecode():
                engine = Collecting(name, make, call if names else None, outputs)
            self._engines.append(engine)
            return engine.run
        with _no_bytecode():
            run: Runner = prepare(folder, parameters, *([call] if names else []))
        return _in_sequences(run, config) if is_sequence(config) else run

    def _ensemble(self, config: pb.ModelConfig) -> Runner:
        names = composing(config)
        configs = {name: self._config(name) for name in names}
        if len(config.ensemble_scheduling.step) > 1 and any(
            has_decoupled(name, configs) for name in names
        ):
            raise NotInProcess(
                f"'{config.name}': expected steps that answer once, found one that is decoupled, "
                "after each of whose answers a server runs the others. Ask a server for it."
            )
        steps = wiring(config, configs)
        order = waves(steps, [tensor.name for tensor in config.input])
        for name in names:
            self._runner(name)
        own = ends(config)

        def run(inputs: Arrays) -> Arrays:
            tensors: Tensors[Array] = Tensors(own, inputs, np.shape, np.reshape)
            for wave in order:
                calls = [
                    self._pool.submit(self._runner(step.model), tensors.gather(step))
                    for step in wave[1:]
                ]
                first = self._runner(wave[0].model)(tensors.gather(wave[0]))
                for step, answer in zip(
                    wave, [first, *(call.result() for call in calls)], strict=True
                ):
                    tensors.scatter(step, answer)
            return tensors.outputs(list(own.outputs))

        return run


def _checked(config: pb.ModelConfig, run: Runner) -> Runner:
    """A runner that refuses what a server would: unknown and missing inputs, other data types than
    those declared, and odd batches. Its outputs are of the declared types."""
    known = {tensor.name for tensor in config.input}
    required = {tensor.name for tensor in config.input if not tensor.optional}
    if is_sequence(config):
        known |= {"start", "end", "correlation"}
        required |= {"correlation"}
    batching = config.max_batch_size > 0 and not is_sequence(config)
    takes, gives = _dtypes(config.input), _dtypes(config.output)

    def checked(inputs: Arrays) -> Arrays:
        if unknown := set(inputs) - known:
            raise RequestMistaken(
                f"'{config.name}' has no input {sorted(unknown)}; it has {sorted(known)}"
            )
        if missing := required - set(inputs):
            raise RequestMistaken(f"'{config.name}' needs input {sorted(missing)}")
        for name, expected, found in _of_another_type(takes, inputs):
            raise RequestMistaken(
                f"'{config.name}': expected input '{name}' as {expected}, found {found}"
            )
        if batching:
            _check_rows(config, inputs)
        outputs = dict(run(inputs))
        for name, expected, found in _of_another_type(gives, outputs):
            # A served stage's numbers are sent in the declared type, so wider ones lose bits.
            array = np.asarray(outputs[name])
            if expected is DType.BYTES or not np.can_cast(array.dtype, expected.numpy, "same_kind"):
                raise OutputMistaken(
                    f"'{config.name}': expected output '{name}' as {expected}, as its config "
                    f"declares, found {found}. Let the model give it in that type."
                )
            outputs[name] = array.astype(expected.numpy)
        return outputs

    return checked


def _dtypes(tensors: Iterable[pb.ModelInput] | Iterable[pb.ModelOutput]) -> dict[str, DType]:
    """The declared type of each tensor; a type that arrays do not carry is left out."""
    named = {tensor.name: pb.DataType.Name(tensor.data_type) for tensor in tensors}
    return {
        name: DType.from_config(told)
        for name, told in named.items()
        if told not in ("TYPE_INVALID", DType.BF16.config_name)
    }


def _of_another_type(
    declared: Mapping[str, DType], arrays: Arrays
) -> Iterator[tuple[str, DType, str]]:
    """Each array that is not of its tensor's type: its name, that type, and its own."""
    for name, dtype in declared.items():
        if name not in arrays:
            continue
        found = np.asarray(arrays[name]).dtype
        if found != dtype.numpy and not (dtype is DType.BYTES and found.kind in "OSU"):
            yield name, dtype, _told(found)


def _told(dtype: np.dtype[Any]) -> str:
    try:
        return str(DType.from_numpy(dtype))
    except ValueError:
        return dtype.name


def _check_rows(config: pb.ModelConfig, inputs: Arrays) -> None:
    rows = {len(array) if array.ndim else 0 for array in inputs.values()}
    if len(rows) > 1:
        raise RequestMistaken(
            f"'{config.name}' batches: expected as many rows in all inputs, found {sorted(rows)}"
        )
    if (most := max(rows, default=0)) > config.max_batch_size:
        raise RequestMistaken(
            f"'{config.name}': batch-size must be <= {config.max_batch_size}, found {most}"
        )


def _onnx(folder: Path, config: pb.ModelConfig) -> Runner:
    """An ONNX model, with the shapes and the texts that a server takes and gives."""
    import onnxruntime

    parameters = {key: value.string_value for key, value in config.parameters.items()}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # what it warns of, the check says
    options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", 0))
    options.inter_op_num_threads = int(parameters.get("inter_op_thread_count", 0))
    for library in config.model_operations.op_library_filename:
        options.register_custom_ops_library(library)
    path = folder / "model.onnx"
    session = onnxruntime.InferenceSession(
        str(path / "model.onnx" if path.is_dir() else path),
        options,
        providers=["CPUExecutionProvider"],
    )
    inputs_of = {entry.name: entry for entry in config.input}
    outputs_of = {entry.name: entry for entry in config.output}
    known = (*session.get_inputs(), *session.get_overridable_initializers())
    scalars = {each.name for each in known if not each.shape}
    names = [output.name for output in session.get_outputs() if output.name in outputs_of]
    batching = config.max_batch_size > 0

    def run(inputs: Arrays) -> Arrays:
        given = {}
        for name, array in inputs.items():
            entry = inputs_of[name]
            if entry.HasField("reshape"):
                array = _reshaped(array, entry.reshape.shape, batching)
            elif name in scalars and array.size == 1:
                array = array.reshape(())
            given[name] = _as_text(array)
        answer = {}
        for name, found in zip(names, session.run(names, given), strict=True):
            output, array = outputs_of[name], np.asarray(found)
            if output.HasField("reshape"):
                array = _reshaped(array, output.dims, batching)
            answer[name] = _as_bytes(array if array.ndim else array.reshape(1))
        return answer

    return run


def _reshaped(array: Array, shape: Sequence[int], batching: bool) -> Array:
    """An array whose axes but the batch's are those."""
    return array.reshape((*array.shape[: int(batching)], *shape))


def _as_text(array: Array) -> Array:
    """Texts as onnxruntime takes them: it would write bytes out as Python does."""
    if array.dtype.kind not in "OS":
        return array
    texts = [each.decode() if isinstance(each, bytes) else each for each in array.ravel().tolist()]
    return np.array(texts, np.object_).reshape(array.shape)


def _as_bytes(array: Array) -> Array:
    """Texts as a server gives them."""
    if array.dtype.kind != "O":
        return array
    texts = [each.encode() if isinstance(each, str) else each for each in array.ravel().tolist()]
    return np.array(texts, np.object_).reshape(array.shape)


def _in_sequences(run: Runner, config: pb.ModelConfig) -> Runner:
    """A stage whose requests come in sequences, with what a server would tell it about them."""
    batching = config.sequence_batching
    most = int(config.parameters[MOST].string_value) if MOST in config.parameters else 0
    sequences = Sequences(
        most or batching.oldest.max_candidate_sequences,
        1e-6 * batching.max_sequence_idle_microseconds,
    )

    def in_sequence(inputs: Arrays) -> Arrays:
        given = dict(inputs)
        flags = [bool(np.ravel(given.pop(name, False))[0]) for name in ("start", "end")]
        correlation = np.ravel(given.pop("correlation"))[0]
        key = correlation.decode() if isinstance(correlation, bytes) else correlation.item()
        with sequences.request(given, start=flags[0], end=flags[1], correlation=key) as told:
            return run(told)

    return in_sequence


def _load_stage(name: str, folder: Path, parameters: Mapping[str, str]) -> Any:
    # Each model has its own package 'stages'; unique names keep them apart in one process.
    package = f"_stages_{name}_{abs(hash(folder))}"
    for module, path in (
        (package, "__init__"),
        (f"{package}.{parameters['stage']}", parameters["stage"]),
    ):
        spec = importlib.util.spec_from_file_location(
            module,
            folder / "stages" / f"{path}.py",
            submodule_search_locations=[str(folder / "stages")] if module == package else None,
        )
        assert spec is not None and spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[module] = loaded
        with _no_bytecode():
            spec.loader.exec_module(loaded)
    return loaded


class _NoBytecode:
    """Imports without leaving ``__pycache__`` among files that a manifest lists.

    The setting is the interpreter's: of threads that import at once, the last one ends it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._before = False

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._threads:
                self._before = sys.dont_write_bytecode
            self._threads += 1
            sys.dont_write_bytecode = True
        try:
            yield
        finally:
            with self._lock:
                self._threads -= 1
                if not self._threads:
                    sys.dont_write_bytecode = self._before


_no_bytecode = _NoBytecode()
