"""The models that runs of neighbouring steps are fused into."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from builders.kit.export import Export
from builders.kit.graph import (
    InstanceGroup,
    Model,
    OnnxModel,
    PythonModel,
    Step,
    Tensor,
    Warmup,
)
from builders.kit.graph.options import BACKEND, Option
from repository.copied.flow import Wiring

STAGE = "repository.copied.fused_stage"
"""The module that runs stages in turn."""


@dataclass(frozen=True, kw_only=True)
class FusedStage(PythonModel):
    """Several stages run in turn in one process.

    Attributes:
        parts: the stages, in running order.
        flow: what :mod:`repository.copied.fused_stage` reads.
    """

    parts: tuple[PythonModel, ...]
    flow: str

    @property
    def stages(self) -> tuple[str, ...]:
        """Its own module, and those of the parts."""
        return (self.stage, *dict.fromkeys(part.stage for part in self.parts))


@dataclass(frozen=True, kw_only=True)
class FusedOnnx(OnnxModel):
    """Several ONNX models in one file.

    Attributes:
        parts: the models, in running order.
    """

    parts: tuple[OnnxModel, ...]


def parts_of(model: Model) -> tuple[str, ...]:
    """The names of the models that were fused into one; none of any other."""
    if isinstance(model, FusedStage | FusedOnnx):
        return tuple(part.name for part in model.parts)
    return ()


@dataclass(frozen=True)
class Run:
    """Steps that become one.

    Attributes:
        steps: in running order, with models of one kind.
        wirings: of each, its complete maps.
        outputs: the flow's tensors that others read, or that the pipeline gives.
    """

    steps: tuple[Step, ...]
    wirings: tuple[Wiring, ...]
    outputs: tuple[str, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """The steps' models."""
        return tuple(step.model for step in self.steps)

    @property
    def read(self) -> tuple[tuple[Tensor, str, Model], ...]:
        """What is read from outside: the model's tensor, the flow's name, and the model."""
        inside = {name for wiring in self.wirings for name in wiring.outputs.values()}
        return tuple(
            (tensor, wiring.inputs[tensor.name], step.model)
            for step, wiring in zip(self.steps, self.wirings, strict=True)
            for tensor in step.model.inputs
            if tensor.name in wiring.inputs and wiring.inputs[tensor.name] not in inside
        )

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The fused model's inputs, by the flow's names; optional where every reader says so."""
        found: dict[str, Tensor] = {}
        for tensor, name, _ in self.read:
            before = found.get(name, tensor)
            found[name] = replace(before, name=name, optional=before.optional and tensor.optional)
        return tuple(found.values())

    @property
    def written(self) -> Mapping[str, Tensor]:
        """Every tensor that a step writes, by the flow's name."""
        return {
            wiring.outputs[tensor.name]: replace(tensor, name=wiring.outputs[tensor.name])
            for step, wiring in zip(self.steps, self.wirings, strict=True)
            for tensor in step.model.outputs
            if tensor.name in wiring.outputs
        }

    @property
    def given(self) -> tuple[Tensor, ...]:
        """The fused model's outputs."""
        return tuple(self.written[name] for name in self.outputs)

    @property
    def warmup(self) -> tuple[Warmup, ...]:
        """The first step's warm-up, by the flow's names."""
        names = self.wirings[0].inputs
        return tuple(
            replace(each, inputs={names[name]: value for name, value in each.inputs.items()})
            for each in self.models[0].warmup
        )


def fused_onnx(run: Run, name: str, export: Export) -> FusedOnnx:
    """ONNX models as one, which has the instances of the part that has most.

    Args:
        run: the steps.
        name: the fused model's.
        export: the parts' files merged.
    """
    parts = [model for model in run.models if isinstance(model, OnnxModel)]
    first = parts[0]
    return FusedOnnx(
        parts=tuple(parts),
        name=name,
        inputs=run.inputs,
        outputs=run.given,
        export=export,
        operators=tuple(_once(each for part in parts for each in part.operators)),
        parameters=first.parameters,
        instances=max((part.instances for part in parts), key=count_of),
        max_batch_size=min(part.max_batch_size for part in parts),
        # Requests wait before the first part.
        queue=first.queue,
        batching=first.batching,
        warmup=run.warmup,
        versions=first.versions,
    )


def fused_stage(run: Run, name: str) -> FusedStage:
    """Stages as one, which has the processes of the part that has most.

    Each process runs every part, so as many requests are under way at once as that part took. More
    processes would hold more memory, and share the same cores with the models behind them.
    """
    parts = [model for model in run.models if isinstance(model, PythonModel)]
    first = parts[0]
    exports = _once(each for part in parts for each in part.exports)
    optional = _once(each for part in parts for each in part.optional_exports)
    parameters: dict[str, str] = {}
    options: dict[str, Option] = {}
    for part in parts:
        for key, value in part.parameters.items():
            parameters[key if key in BACKEND else f"{part.name}.{key}"] = value
        options |= {f"{part.name}.{key}": option for key, option in part.options.items()}
    return FusedStage(
        name=name,
        inputs=run.inputs,
        outputs=run.given,
        stage=STAGE,
        parts=tuple(parts),
        flow=_flow(run),
        exports=exports,
        optional_exports=tuple(each for each in optional if each not in exports),
        parameters=parameters,
        options=options,
        instances=max((part.instances for part in parts), key=count_of),
        max_batch_size=min(part.max_batch_size for part in parts),
        queue=first.queue,
        batching=first.batching,
        warmup=run.warmup,
        versions=first.versions,
    )


def count_of(groups: Sequence[InstanceGroup]) -> int:
    """How many instances there are."""
    return sum(group.count for group in groups)


Value = TypeVar("Value")


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    """Each value once; values need not be hashable."""
    found: list[Value] = []
    for each in values:
        if each not in found:
            found.append(each)
    return tuple(found)


def _flow(run: Run) -> str:
    steps = []
    for step, wiring in zip(run.steps, run.wirings, strict=True):
        assert isinstance(step.model, PythonModel)
        types = {tensor.name: tensor.dtype for tensor in step.model.outputs}
        steps.append(
            {
                "model": step.model.name,
                "stage": step.model.stage.rpartition(".")[2],
                "inputs": dict(wiring.inputs),
                "outputs": {
                    name: [target, str(types[name].numpy)]
                    for name, target in wiring.outputs.items()
                },
            }
        )
    return json.dumps({"outputs": list(run.outputs), "steps": steps}, indent=2) + "\n"
