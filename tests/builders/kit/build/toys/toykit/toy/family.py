"""A family that builds in milliseconds: ``y = x * factor + shift``."""

from builders.kit.family import Export, Family, Metric, Parity
from builders.kit.graph import Ensemble, OnnxModel, PythonModel, Tensor
from repository.arrays import DType

from . import exports, metric, reference

x = Tensor("x", DType.FP32, {"length": -1})
scaled = Tensor("scaled", DType.FP32, {"length": -1})
moved = Tensor("moved", DType.FP32, {"length": -1})
y = Tensor("y", DType.FP32, {"length": -1})

SCALE = Export(
    name="scale",
    source="weights",
    make=exports.scale,
    options={"opset": 17},
    parity=Parity(
        reference=reference.scale,
        inputs=reference.scale_inputs,
        absolute=1e-6,
        relative=1e-6,
    ),
)
MOVE = Export(
    name="move",
    source="weights",
    make=exports.move,
    options={"opset": 17},
    parity=Parity(
        reference=reference.move, inputs=reference.move_inputs, absolute=1e-6, relative=1e-6
    ),
)
TABLE = Export.file("table.json", source="weights", make=exports.table)

scale = OnnxModel(name="scale", inputs=(x,), outputs=(scaled,), export=SCALE)
move = OnnxModel(name="move", inputs=(scaled,), outputs=(moved,), export=MOVE)
shift = PythonModel(
    name="shift",
    inputs=(moved,),
    outputs=(y,),
    stage=f"{__package__}.stages.shift",
    exports=(TABLE,),
)
toy = Ensemble(name="toy", inputs=(x,), outputs=(y,), steps=scale >> move >> shift)

FAMILY = Family(
    name="toy",
    sources={"weights": "path:nowhere.json"},
    pipelines=(toy,),
    metrics=(
        Metric(
            name="error",
            pipeline="toy",
            bound=0.5,
            better="lower",
            measure=metric.error,
            data=(metric.FOLDER,),
        ),
    ),
)
