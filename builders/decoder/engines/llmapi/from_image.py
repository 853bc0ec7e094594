"""TensorRT-LLM's own Triton model, as its image has it; copied into repositories as ``model.py``.

That model's code is no part of a repository: the image has the code that fits its TensorRT-LLM. It
reads ``model.yaml`` in this folder. The environment's ``TENSORRT_LLM_LLMAPI`` names another folder
of such code.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(os.environ.get("TENSORRT_LLM_LLMAPI", "/app/all_models/llmapi/tensorrt_llm/1"))


def _theirs() -> ModuleType:
    """The model's module.

    Raises:
        ImportError: the image is another one.
    """
    file = FOLDER / "model.py"
    if not file.is_file():
        raise ImportError(
            f"expected TensorRT-LLM's model in {FOLDER}, found none. Serve this repository by "
            "nvcr.io/nvidia/tritonserver:26.07-trtllm-python-py3, or set TENSORRT_LLM_LLMAPI."
        )
    sys.path.insert(0, str(FOLDER))  # it imports a module that lies beside it
    spec = importlib.util.spec_from_file_location("tensorrt_llm_llmapi_model", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


TritonPythonModel = _theirs().TritonPythonModel
