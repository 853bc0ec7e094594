"""The one image in which Triton serves TensorRT-LLM, and where things lie in it.

Triton 26.07 is the last release with such an image: it has TensorRT-LLM 1.2.1, and no other
backends than those two. Its folder ``/app`` has what ``triton_backend/`` and ``examples/`` are in
TensorRT-LLM's branch ``release/1.2.1``: see ``dockerfile/Dockerfile.triton.trt_llm_backend`` of
triton-inference-server/tensorrtllm_backend at r26.07, and ``docs/introduction/compatibility.md`` of
triton-inference-server/server.
"""

from __future__ import annotations

from builders.errors import FamilyError
from builders.kit.family import Conditions
from repository.findings import finding_of

TENSORRT_LLM = "1.2.1"
TRITON = "26.07"
IMAGE = f"nvcr.io/nvidia/tritonserver:{TRITON}-trtllm-python-py3"
BACKENDS = ("python", "tensorrtllm")

MODEL = "tensorrt_llm"
"""The name of TensorRT-LLM's own model. Its clients, and the probes in ``kserve/``, ask for it."""


def refuse_other_releases(engine: str, conditions: Conditions) -> None:
    """Refuse a profile for a Triton whose image has another TensorRT-LLM, or none.

    Args:
        engine: as the profile names it.
        conditions: of the family.

    Raises:
        FamilyError: the profile names another release than :data:`TRITON`.
    """
    found = conditions.release.name
    if found == TRITON:
        return
    later = "has no TensorRT-LLM" if found > TRITON else "has another TensorRT-LLM"
    raise FamilyError(
        [
            finding_of(
                "decoder",
                conditions.place("engine"),
                f'triton: "{TRITON}" with the engine {engine}, which is written for TensorRT-LLM '
                f"{TENSORRT_LLM}",
                f'triton: "{found}", which {later}',
                f'Write triton: "{TRITON}" in a profile of the decoder\'s own, or engine: remote '
                "beside a trtllm-serve.",
            )
        ]
    )
