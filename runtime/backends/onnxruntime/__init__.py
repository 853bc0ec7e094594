"""The stand-in for Triton's C++ onnxruntime backend; see :mod:`.rules` for what it refuses."""
