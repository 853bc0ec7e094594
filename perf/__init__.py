"""Benchmarks: every figure that the project quotes is written here, by a command."""

import os

# As for builders: what is measured may load ONNX Runtime first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
