"""An ONNX file as it is: what it says of itself, and why it cannot be served"""
