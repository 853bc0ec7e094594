"""Rules that an ONNX file and its config keep together."""
