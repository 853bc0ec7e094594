"""Stages whose last part is left to the ONNX model that reads what they give."""

from __future__ import annotations

from dataclasses import dataclass, replace

from builders.kit.graph import Ensemble, Flow, OnnxModel, PythonModel, Step, wire


@dataclass(frozen=True)
class Moved:
    """A pipeline of which one stage leaves its arithmetic to an ONNX model.

    Attributes:
        pipeline: with the stage as it is without that, and the ONNX model behind it.
        stage: the stage's model, as it was.
        model: the ONNX model, which is served as the one that it is to be merged with.
        reader: that one.
    """

    pipeline: Ensemble
    stage: str
    model: str
    reader: str


def move(pipeline: Ensemble, among: frozenset[str]) -> Moved | None:
    """The pipeline with the arithmetic of one stage moved; None if there is none to move.

    It can be moved where one ONNX model alone reads the output, and the pipeline does not give it.

    Args:
        pipeline: the pipeline.
        among: the stages' models that are looked at.
    """
    wirings = wire(pipeline)
    steps = tuple(pipeline.steps)
    given = {tensor.name for tensor in pipeline.outputs}
    for place, step in enumerate(steps):
        model = step.model
        if not isinstance(model, PythonModel) or model.arithmetic is None:
            continue
        tensor = wirings[place].outputs.get(model.arithmetic.output)
        readers = [
            (other.model, own)
            for other, wiring in zip(steps, wirings, strict=True)
            for own, name in wiring.inputs.items()
            if name == tensor
        ]
        if model.name not in among or tensor in given or len(readers) != 1:
            continue
        (reader, own) = readers[0]
        if type(reader) is OnnxModel:
            made = _moved(step, model, tensor or "", reader, own)
            kept = Flow((*steps[:place], *made, *steps[place + 1 :]))
            return Moved(replace(pipeline, steps=kept), model.name, made[1].model.name, reader.name)
    return None


def _moved(
    step: Step, model: PythonModel, tensor: str, reader: OnnxModel, own: str
) -> tuple[Step, Step]:
    """The stage without its arithmetic, and the ONNX model that does that."""
    arithmetic = model.arithmetic
    assert arithmetic is not None
    kind = str(arithmetic.dtype).lower()
    stage = replace(
        model,
        name=f"{model.name}_{kind}",
        outputs=tuple(
            replace(each, dtype=arithmetic.dtype) if each.name == arithmetic.output else each
            for each in model.outputs
        ),
        parameters={**model.parameters, arithmetic.parameter: "true"},
        arithmetic=None,
    )
    read = next(each for each in reader.inputs if each.name == own)
    onnx = replace(
        reader,
        name=arithmetic.export.name,
        inputs=(replace(read, name=arithmetic.takes, dtype=arithmetic.dtype),),
        outputs=(replace(read, name=arithmetic.gives),),
        export=arithmetic.export,
        operators=(),
        warmup=(),
    )
    between = f"{tensor}_{kind}"
    return (
        stage.step(step.inputs, {**step.outputs, arithmetic.output: between}),
        onnx.step({arithmetic.takes: between}, {arithmetic.gives: tensor}),
    )
