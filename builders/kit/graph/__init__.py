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
have its inputs' names, and writes its outputs under their own names. :meth:`Model.step` renames, so
that one model can be several steps.

Nothing here validates: :mod:`repository.check.check` reports every mistake of a graph at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builders.kit.export import Export
from builders.kit.graph.asked import Asked
from builders.kit.graph.options import Option
from builders.kit.graph.serving import (
    CALLED_BY_STAGES,
    LATER_STEP,
    ONE_THREAD,
    SIDE_BY_SIDE,
    DynamicBatching,
    InstanceGroup,
    QueuePolicy,
    SequenceBatching,
    VersionPolicy,
    Warmup,
    WarmupInput,
)
from builders.kit.graph.tensor import BATCH, DYNAMIC, Tensor
from builders.kit.graph.tuples import check_tuples
from repository.arrays import DType
from repository.copied.flow import Wiring

__all__ = [
    "BATCH",
    "CALLED_BY_STAGES",
    "DYNAMIC",
    "LATER_STEP",
    "ONE_THREAD",
    "SIDE_BY_SIDE",
    "Arithmetic",
    "Asked",
    "DType",
    "DynamicBatching",
    "Ensemble",
    "Flow",
    "GivenModel",
    "InstanceGroup",
    "Model",
    "OnnxModel",
    "PlanModel",
    "PythonModel",
    "QueuePolicy",
    "SequenceBatching",
    "Step",
    "Tensor",
    "VersionPolicy",
    "Warmup",
    "WarmupInput",
    "as_ensemble",
    "as_flow",
    "calls_of",
    "closure",
    "wire",
]


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
    queue: QueuePolicy = field(default_factory=QueuePolicy)
    batching: DynamicBatching | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    warmup: tuple[Warmup, ...] = ()
    versions: VersionPolicy = field(default_factory=VersionPolicy)
    response_cache: bool = False

    def __post_init__(self) -> None:
        check_tuples(self)

    @property
    def needs(self) -> tuple[Model, ...]:
        """The models that run for its requests: an ensemble's steps, or what its code calls."""
        return ()

    def dims(self, tensor: Tensor) -> tuple[int, ...]:
        """The dims of one of its tensors in config.pbtxt: without the batch axis, if it batches.

        Dims are never empty: a tensor of that axis alone has one of size 1, which the config's
        reshape takes away.
        """
        return (tensor.shape[1:] or (1,)) if self.max_batch_size > 0 else tensor.shape

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
        export: what makes the file.
        operators: libraries of custom operators, by their paths on the machine that serves it.
    """

    export: Export
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlanModel(Model):
    """A TensorRT plan, made from an ONNX export.

    Attributes:
        export: what makes the ONNX file.
    """

    export: Export


@dataclass(frozen=True, kw_only=True)
class GivenModel(Model):
    """A model of an engine that is neither built nor run here, such as TensorRT-LLM's.

    Its files are written from the profile, as its config is, and nothing is made of a checkpoint.
    So there is nothing to compare or to measure, and it is told as never run.

    Attributes:
        backend: Triton's backend, as "python" or "tensorrtllm".
        files: those of the version folder: relative path -> content, or the file to copy. One at
            least, and none empty.
        image: the container image that has the engine.
        backends: the backends of that image. Another model's backend has to be one of them.
        ragged: inputs of which the requests of a batch may have different sizes.
    """

    backend: str
    files: Mapping[str, bytes | Path]
    image: str
    backends: tuple[str, ...]
    ragged: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """The last part of a stage, where that is arithmetic which an ONNX model can do too.

    A fused pipeline leaves it to the ONNX model that reads the output, so that small integers are
    sent to that model, and not floats.

    Attributes:
        output: the stage's output that it makes, one number for each.
        dtype: of that output's numbers before it.
        parameter: the stage leaves the arithmetic out if its parameter of this name is "true", and
            gives an output of that type, of the same shape.
        export: an ONNX file that does it, equal bit by bit.
        takes: the file's input.
        gives: the file's output.
    """

    output: str
    dtype: DType
    parameter: str
    export: Export
    takes: str
    gives: str


@dataclass(frozen=True, kw_only=True)
class PythonModel(Model):
    """A Python-backend stage: a pure function, run by :mod:`repository.copied.stage_model`.

    The stage's module has ``prepare(folder, parameters)``, called once at load with the version
    folder (:class:`pathlib.Path`) and the config's parameters (strings by name). It returns the
    function that maps one request's inputs (numpy arrays by name; an optional input that was left
    out is missing) to its outputs. It refuses a request by raising
    :class:`~builders.kit.invalid_argument.InvalidArgument`, whose text, one sentence, the
    client reads as INVALID_ARG; any other exception is logged, and told as INTERNAL without its
    text. Modules run inside Triton's interpreter, so they import only numpy, the standard library,
    what ``runtime/requirements.txt`` names, that class, and each other by relative imports.

    With :attr:`calls` it is ``prepare(folder, parameters, call)``. ``call(name, requests)`` runs
    one of those models on each of the requests (arrays by input name), all of them under way at
    once, and returns their outputs by name, in order. A call that is answered with an error
    raises one that reaches the client with the same code and sentence.

    With :attr:`streamed` the stage answers a request piece by piece, from any thread, and works on
    many at once. It is ``prepare(folder, parameters, host)``, with the
    :class:`~repository.copied.stream_engine.Host`, whose ``call`` is the one above, and returns an
    engine:

    - ``engine.start(inputs, answer)`` takes a request, and returns soon. To refuse it, it raises as
      above. The request is answered by the :class:`~repository.copied.stream_engine.Answer`, now
      or later: ``answer.send(outputs)`` gives a piece, ``answer.end(outputs)`` the last one, and
      ``answer.fail(error)`` ends it with an error. Each piece has all of the outputs.
    - ``answer.cancelled()``: nobody waits for the answer any more. The engine ends it, too.
    - ``engine.close()`` is called at unload, and may be missing.

    The engine's threads are made by ``host.thread(work)``. If one of them fails, all requests that
    the engine owes an answer get an error, and the next one prepares another engine.

    With :attr:`sequences` the function's inputs also have, of the request's sequence, ``start`` and
    ``end`` (bool), ``correlation`` (int or str), and ``state``: a dict of its own, empty at the
    start, that is kept from request to request and dropped with the sequence.

    Attributes:
        stage: the dotted name of the stage's module, copied to ``stages/`` in the version folder
            with the modules that it imports.
        exports: files that are copied into the version folder, under the exports' names.
        optional_exports: likewise, where their component has a source; the stage looks for them.
        calls: the models that it calls, which are built and loaded with it.
        asks: pipelines of other families that it calls too, by their names, or with the tensors
            that it sends and reads. They have to be in the repository, and are loaded before it.
        streamed: answers a request piece by piece: the model is decoupled. Its
            ``max_batch_size`` is 0. The engine bounds how many requests wait.
        sequences: its requests come in sequences.
        options: of each of :attr:`parameters`, and of each that a profile may set besides, what it
            may be. A profile that sets another is refused.
        arithmetic: what it ends in, where an ONNX model can do that.
    """

    stage: str
    exports: tuple[Export, ...] = ()
    optional_exports: tuple[Export, ...] = ()
    calls: tuple[Model, ...] = ()
    asks: tuple[str | Asked, ...] = ()
    streamed: bool = False
    sequences: SequenceBatching | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    arithmetic: Arithmetic | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.streamed:
            object.__setattr__(self, "decoupled", True)

    @property
    def needs(self) -> tuple[Model, ...]:
        """What it calls."""
        return self.calls

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The pipelines of :attr:`asks`."""
        return tuple(Asked(each) if isinstance(each, str) else each for each in self.asks)

    @property
    def stages(self) -> tuple[str, ...]:
        """The dotted names of all stages' modules that it runs."""
        return (self.stage,)


@dataclass(frozen=True, kw_only=True)
class Ensemble(Model):
    """A DAG of models, run by Triton itself.

    Attributes:
        steps: the flow from ``inputs`` to ``outputs``.
    """

    steps: Flow
    instances: tuple[InstanceGroup, ...] = ()

    @property
    def needs(self) -> tuple[Model, ...]:
        """The models of its steps."""
        return tuple(step.model for step in self.steps)

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
    """Makes a flow of one step or of several side by side; a flow stays as it is."""
    if isinstance(part, Flow):
        return part
    if isinstance(part, Step):
        return Flow((part,))
    if isinstance(part, Model):
        return Flow((part.step(),))
    return Flow(tuple(step for member in part for step in as_flow(member)))


def as_ensemble(model: Model) -> Ensemble:
    """Makes a pipeline of a single model; an ensemble stays as it is."""
    if isinstance(model, Ensemble):
        return model
    return Ensemble(
        name=model.name, inputs=model.inputs, outputs=model.outputs, steps=as_flow(model)
    )


def closure(models: Iterable[Model]) -> tuple[Model, ...]:
    """The models and all that they need, each once; what is needed comes first."""
    found: list[Model] = []
    for model in models:
        found.extend(each for each in (*closure(model.needs), model) if each not in found)
    return tuple(found)


def calls_of(model: Model) -> tuple[str, ...]:
    """The names of all that a model's own code calls; an ensemble has no code."""
    if isinstance(model, Ensemble):
        return ()
    asked = [each.name for each in model.asked] if isinstance(model, PythonModel) else []
    return tuple(dict.fromkeys([*(each.name for each in model.needs), *asked]))


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
            batches=step.model.max_batch_size > 0,
            dims={tensor.name: step.model.dims(tensor) for tensor in step.model.inputs},
        )
        for step, inputs in zip(ensemble.steps, inputs_of, strict=True)
    )
