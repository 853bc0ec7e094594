"""Makes model repositories from checkpoints, and checks, signs and moves them."""

import os

# Else ONNX Runtime (from 1.29) reports sessions to its makers, and writes below ~/.cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
