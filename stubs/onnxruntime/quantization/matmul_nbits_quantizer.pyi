from onnx import ModelProto
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization.onnx_model import ONNXModel

class MatMulNBitsQuantizer:
    model: ONNXModel
    def __init__(
        self,
        model: ModelProto | str,
        bits: int = 4,
        block_size: int = 128,
        is_symmetric: bool = False,
        accuracy_level: int | None = None,
        nodes_to_exclude: list[str] | None = None,
        nodes_to_include: list[str] | None = None,
        quant_format: QuantFormat = ...,
        op_types_to_quantize: tuple[str, ...] | None = None,
        quant_axes: tuple[tuple[str, int], ...] | None = None,
        channel_wised_quantize: bool = False,
        algo_config: object = None,
    ) -> None: ...
    def process(self) -> None: ...
