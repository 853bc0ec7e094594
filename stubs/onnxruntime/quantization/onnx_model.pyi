from onnx import ModelProto

class ONNXModel:
    model: ModelProto
    def __init__(self, model: ModelProto) -> None: ...
