"""ONNX files that follow each other merged into one, and the export that this makes"""
