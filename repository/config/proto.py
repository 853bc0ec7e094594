"""Triton's ``model_config.proto`` as tritonclient brings it, without the rest of tritonclient.

``import tritonclient.grpc`` imports gRPC and asyncio, which takes half the time of a check of a
small repository. So the generated module is loaded from its file, under its own name: whoever
imports tritonclient later gets this same module.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tritonclient.grpc import model_config_pb2 as pb
else:
    _NAME = "tritonclient.grpc.model_config_pb2"
    if _NAME not in sys.modules:
        _found = importlib.util.find_spec("tritonclient")
        if _found is None:
            raise ModuleNotFoundError("No module named 'tritonclient'", name="tritonclient")
        _package = _found.submodule_search_locations[0]
        _spec = importlib.util.spec_from_file_location(
            _NAME, Path(_package) / "grpc" / "model_config_pb2.py"
        )
        sys.modules[_NAME] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules[_NAME])
    pb = sys.modules[_NAME]

__all__ = ["pb"]
