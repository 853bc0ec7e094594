"""What Triton's C++ onnxruntime backend refuses at load, and what hurts with it.

A copy lies beside the stand-in backend, in Triton's interpreter: Python 3.10's language, and the
standard library alone.
"""
