"""The stand-in for Triton's C++ onnxruntime backend."""
