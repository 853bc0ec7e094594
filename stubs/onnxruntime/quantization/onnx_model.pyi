from onnx import ModelProto

class ONNXModel:
    model: ModelProto
