"""Matrix products in 8-bit integers: ONNX Runtime's dynamic quantisation.

Weights become integers with a scale for each column; activations become integers at run time, with
one scale for each tensor, so a row's answer depends a little on the rows beside it. It needs no
calibration, and runs on CPUs only. A scale for each row, which would make the rows independent, was
tried in standard ONNX: speech models took a seventh longer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from onnx import ModelProto

from builders.kit.onnx.files import load, save
from repository.onnx.content import OnnxError
from repository.onnx.walk import nodes

_PRODUCTS = ("Gemm", "MatMul")


def quantise(keep: Sequence[str], made: Path, out: Path) -> Mapping[str, object]:
    """Writes an ONNX file with matrix products in integers, in the body of a loop too.

    Weights have seven bits: with eight, processors without VNNI overflow the 16 bits in which they
    add two products (ONNX Runtime's documentation of quantisation, ``reduce_range``), and an answer
    would depend on the machine.

    Args:
        keep: products whose weights' names begin with one of these stay as they are.
        made: the fp32 file or folder.
        out: the file to write, or the folder where it is large.

    Returns:
        Facts for the manifest: the precision, and how many products have it.

    Raises:
        OnnxError: there is nothing to quantise, or no weight of a name in ``keep``.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = load(made)
    left = [
        node.name
        for node in nodes(model)
        if node.op_type in _PRODUCTS and any(each.startswith(tuple(keep)) for each in node.input)
    ]
    if keep and not left:
        raise OnnxError(
            f"{made.name}: expected products with weights named {' or '.join(keep)}…, which int8 "
            "spares, found none. Correct Export.int8.keep."
        )
    # The kit's exports are simplified already; unmarked, each run would log advice to do so.
    add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory(prefix="int8-") as folder:
        target = Path(folder) / "model.onnx"
        quantize_dynamic(
            model,
            target,
            op_types_to_quantize=list(_PRODUCTS),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            # A Gemm becomes a MatMul of a new name before names are looked at.
            nodes_to_exclude=[each for name in left for each in (name, f"{name}_MatMul")],
            use_external_data_format=True,
            extra_options={"EnableSubgraph": True},
        )
        result = _sorted(onnx.load(target))
    del result.metadata_props[:]
    products = sum(node.op_type == "MatMulInteger" for node in nodes(result))
    if not products:
        raise OnnxError(
            f"{made.name}: expected matrix products with constant weights, found none. "
            "Build this model in fp32."
        )
    save(result, out)
    return {"precision": "int8", "integer_products": products, "fp32_products": len(left)}


def _sorted(model: ModelProto) -> ModelProto:
    """The model's nodes in order: the quantiser's order ignores what the body of a loop reads."""
    import onnx_ir

    made = onnx_ir.from_proto(model)
    made.graph.sort()
    result = onnx_ir.to_proto(made)
    assert isinstance(result, ModelProto)
    return result
