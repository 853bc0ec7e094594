from onnx import ModelProto
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
    ) -> None: ...
    def process(self) -> None: ...
