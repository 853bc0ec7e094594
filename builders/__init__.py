"""Makes model repositories from checkpoints, and what a cluster needs to serve them."""

import os

# Else ONNX Runtime (from 1.29) reports sessions to its makers, and writes below ~/.cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
