"""Any ONNX file as a served model, from a profile alone"""
