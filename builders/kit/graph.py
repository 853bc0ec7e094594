"""Tensors, models, and the DAG that joins them.

A pipeline is written as data flow::

    ocr = Ensemble(
        name="ocr",
        inputs=(image, minimum_score),
        outputs=(text, boxes, scores),
        steps=decode_image >> detect >> locate >> (narrow, wide) >> collect,
    )

``a >> b`` runs ``b`` after ``a``; a tuple runs its members side by side. Tensors join steps by
name, in one flat namespace as in Triton's ``ensemble_scheduling``: a step reads the tensors that
bear its inputs' names, whoever wrote them, and writes its outputs under theirs.
:meth:`Model.step` renames, so that one model can stand in several steps.

Nothing here validates: :mod:`builders.kit.check` reports every mistake of a graph at once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from builders.kit.flow import Wiring

DYNAMIC = -1
"""The size of an axis that is known only at run time."""

BATCH = "batch"
"""The name of the first axis of every tensor of a model whose ``max_batch_size`` is above 0."""


class DType(enum.StrEnum):
    """Triton's tensor data types, by the names of the KServe v2 protocol."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"
    BF16 = "BF16"

    @property
    def config_name(self) -> str:
        """The member of ``inference.DataType`` in model_config.proto, as ``TYPE_FP32``."""
        return "TYPE_STRING" if self is DType.BYTES else f"TYPE_{self.value}"

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """The numpy dtype that carries it; BYTES is ``object``.

        Raises:
            TypeError: numpy has no BF16.
        """
        if self is DType.BF16:
            raise TypeError("numpy has no dtype for BF16")
        if self is DType.BYTES:
            return np.dtype(np.object_)
        named = self.value.replace("FP", "float").lower()
        return np.dtype(named)

    @classmethod
    def from_config(cls, config_name: str) -> DType:
        """The type whose :attr:`config_name` this is.

        Raises:
            ValueError: not the name of a Triton data type.
        """
        name = config_name.removeprefix("TYPE_")
        return cls("BYTES" if name == "STRING" else name)

    @classmethod
    def from_numpy(cls, dtype: np.dtype[np.generic]) -> DType:
        """The type that carries a numpy dtype; bytes, str and object are BYTES.

        Raises:
            ValueError: Triton has no such type.
        """
        if dtype.kind in "OSU":
            return cls.BYTES
        return cls(dtype.name.upper().replace("FLOAT", "FP"))


@dataclass(frozen=True)
class Tensor:
    """A named tensor with named axes.

    Attributes:
        name: as in config.pbtxt.
        dtype: the element type.
        axes: each axis' name and size, outermost first; a size of -1 is dynamic. Equal names in
            one graph mean equal sizes at run time.
        optional: a request may leave this input out.
    """

    name: str
    dtype: DType
    axes: Mapping[str, int]
    optional: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """All axes' sizes, the batch axis included."""
        return tuple(self.axes.values())


@dataclass(frozen=True, kw_only=True)
class QueuePolicy:
    """``ModelQueuePolicy``: what happens to requests that have to wait.

    Attributes:
        max_size: requests that may wait before further ones are refused; 0 is unbounded.
        timeout_microseconds: the longest wait; 0 is without end.
        timeout_action: REJECT answers UNAVAILABLE, DELAY moves it behind all others.
        allow_timeout_override: a request may shorten its own wait.
    """

    max_size: int = 64
    timeout_microseconds: int = 0
    timeout_action: Literal["REJECT", "DELAY"] = "REJECT"
    allow_timeout_override: bool = False


@dataclass(frozen=True, kw_only=True)
class DynamicBatching:
    """``ModelDynamicBatching``: requests joined into one execution.

    Attributes:
        preferred_sizes: batch sizes that are sent at once, in 1..max_batch_size.
        max_queue_delay_microseconds: how long to wait for a preferred size.
        preserve_ordering: answer in the order of arrival.
        priority_levels: 1 is the highest; 0 is none.
        default_priority_level: the level of a request without one.
        priority_queues: a queue policy for single levels.
    """

    preferred_sizes: tuple[int, ...] = ()
    max_queue_delay_microseconds: int = 0
    preserve_ordering: bool = False
    priority_levels: int = 0
    default_priority_level: int = 0
    priority_queues: Mapping[int, QueuePolicy] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class InstanceGroup:
    """``ModelInstanceGroup``: how many copies run, and where."""

    count: int = 1
    kind: Literal["KIND_CPU", "KIND_GPU", "KIND_MODEL"] = "KIND_CPU"
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WarmupInput:
    """One input of a warm-up request: zeros, random data, or a file in the ``warmup`` folder."""

    shape: tuple[int, ...]
    data: Literal["zero", "random"] | str = "zero"


@dataclass(frozen=True, kw_only=True)
class Warmup:
    """``ModelWarmup``: a request that Triton runs before the model is ready."""

    name: str
    inputs: Mapping[str, WarmupInput]
    batch_size: int = 1
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class VersionPolicy:
    """``ModelVersionPolicy``: the numbered folders that are served.

    Exactly those of ``specific`` if any; else the ``latest`` newest; with ``latest`` 0, all.
    """

    latest: int = 1
    specific: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Model:
    """What every Triton model has; use one of the subclasses.

    Attributes:
        name: the model's folder in the repository.
        inputs: its inputs. With ``max_batch_size`` above 0 each one's first axis is ``batch``.
        outputs: its outputs, likewise.
        max_batch_size: 0 for a model whose tensors are given in full.
        decoupled: may send any number of responses to a request.
        instances: instance groups. An ensemble has none.
        queue: the bound on waiting requests.
        batching: None leaves requests unjoined.
        parameters: ``parameters`` of the config, as strings.
        warmup: requests run at load.
        versions: which version folders are served.
        response_cache: answers to equal requests come from the server's cache.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    max_batch_size: int = 0
    decoupled: bool = False
    instances: tuple[InstanceGroup, ...] = (InstanceGroup(),)
    queue: QueuePolicy = QueuePolicy()
    batching: DynamicBatching | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    warmup: tuple[Warmup, ...] = ()
    versions: VersionPolicy = VersionPolicy()
    response_cache: bool = False

    def step(
        self,
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
    ) -> Step:
        """This model as a step, with some of its tensors renamed.

        Args:
            inputs: the model's input name -> the flow's tensor that it reads. Inputs not named
                here read the tensor of their own name.
            outputs: the model's output name -> the flow's tensor that it writes, likewise.
        """
        return Step(self, dict(inputs or {}), dict(outputs or {}))

    def __rshift__(self, other: Model | Step | Flow | tuple[Model | Step, ...]) -> Flow:
        return as_flow(self) >> other

    def __rrshift__(self, other: tuple[Model | Step, ...]) -> Flow:
        return as_flow(other) >> self


@dataclass(frozen=True, kw_only=True)
class OnnxModel(Model):
    """An ONNX file served by the onnxruntime backend.

    Attributes:
        export: the name of the family's :class:`~builders.kit.family.Export` that makes the file.
    """

    export: str


@dataclass(frozen=True, kw_only=True)
class PlanModel(Model):
    """A TensorRT plan, made from an ONNX export.

    Attributes:
        export: the name of the family's :class:`~builders.kit.family.Export` of the ONNX file.
    """

    export: str


@dataclass(frozen=True, kw_only=True)
class PythonModel(Model):
    """A Python-backend stage: a pure function, run by :mod:`builders.kit.stage_model`.

    The stage's module has ``prepare(folder, parameters)``, called once at load with the version
    folder (:class:`pathlib.Path`) and the config's parameters (strings by name). It returns the
    function that maps one request's inputs (numpy arrays by name; an optional input that was left
    out is missing) to its outputs. A ``ValueError`` from it is the client's mistake: its text, one
    sentence, is sent as INVALID_ARG. Modules run inside Triton's interpreter, so they import only
    numpy, the standard library, what ``runtime/requirements.txt`` names, and each other by
    relative imports.

    Attributes:
        stage: the dotted name of the stage's module, copied to ``stages/`` in the version folder.
        modules: dotted names of the modules that it imports, copied beside it.
        exports: names of the family's exports copied into the version folder under those names.
    """

    stage: str
    modules: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ensemble(Model):
    """A DAG of models, run by Triton itself.

    Attributes:
        steps: the flow from ``inputs`` to ``outputs``.
    """

    steps: Flow
    instances: tuple[InstanceGroup, ...] = ()

    def composing(self) -> tuple[Model, ...]:
        """Each model of the steps once, in the order of first use, nested ensembles' too."""
        found: dict[str, Model] = {}
        for step in self.steps:
            nested = step.model.composing() if isinstance(step.model, Ensemble) else ()
            for model in (*nested, step.model):
                found.setdefault(model.name, model)
        return tuple(found.values())


@dataclass(frozen=True)
class Step:
    """A model in a flow, with the tensors that it reads and writes under other names."""

    model: Model
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    def __rshift__(self, other: Model | Step | Flow | tuple[Model | Step, ...]) -> Flow:
        return as_flow(self) >> other

    def __rrshift__(self, other: tuple[Model | Step, ...]) -> Flow:
        return as_flow(other) >> self


@dataclass(frozen=True)
class Flow:
    """Steps in the order in which they were joined."""

    steps: tuple[Step, ...]

    def __rshift__(self, other: Model | Step | Flow | tuple[Model | Step, ...]) -> Flow:
        return Flow(self.steps + as_flow(other).steps)

    def __rrshift__(self, other: tuple[Model | Step, ...]) -> Flow:
        return as_flow(other) >> self

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def as_flow(part: Model | Step | Flow | Sequence[Model | Step]) -> Flow:
    """A flow of one step, of several side by side, or the flow itself."""
    if isinstance(part, Flow):
        return part
    if isinstance(part, Step):
        return Flow((part,))
    if isinstance(part, Model):
        return Flow((part.step(),))
    return Flow(tuple(step for member in part for step in as_flow(member)))


def wire(ensemble: Ensemble) -> tuple[Wiring, ...]:
    """The complete maps of every step of an ensemble.

    An input that :meth:`Model.step` did not rename reads the tensor of its own name; if that input
    is optional and nothing in the flow bears the name, it stays unmapped. An output that was not
    renamed and that nobody reads is left out, as Triton refuses unused tensors; one that was
    renamed stays, so that the check can name the mistake.
    """
    written = {tensor.name for tensor in ensemble.inputs}
    for step in ensemble.steps:
        written |= {step.outputs.get(tensor.name, tensor.name) for tensor in step.model.outputs}
    inputs_of = [
        {
            tensor.name: step.inputs.get(tensor.name, tensor.name)
            for tensor in step.model.inputs
            if tensor.name in step.inputs or tensor.name in written or not tensor.optional
        }
        | dict(step.inputs)
        for step in ensemble.steps
    ]
    read = {tensor.name for tensor in ensemble.outputs}
    read |= {name for inputs in inputs_of for name in inputs.values()}
    return tuple(
        Wiring(
            step.model.name,
            inputs,
            {
                tensor.name: step.outputs.get(tensor.name, tensor.name)
                for tensor in step.model.outputs
                if tensor.name in step.outputs or tensor.name in read
            }
            | dict(step.outputs),
        )
        for step, inputs in zip(ensemble.steps, inputs_of, strict=True)
    )
