"""From a checkpoint's tower and projector to the ONNX files that are served"""
