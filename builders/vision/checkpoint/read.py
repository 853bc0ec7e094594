"""From a checkpoint's folder to its eye, or to the one sentence that says why it is not served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.values import Values, refuse_all
from builders.vision.checkpoint import fixed, grid, naflex, shuffled, tiled
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.headers import read_headers
from repository.findings import shortened

SERVED: tuple[Architecture, ...] = (
    *fixed.ARCHITECTURES,
    *naflex.ARCHITECTURES,
    *tiled.ARCHITECTURES,
    *shuffled.ARCHITECTURES,
    *grid.ARCHITECTURES,
)
"""Every architecture that is served."""

_NAVIT = (
    "packs patches of images of many sizes into one sequence (NaViT), and chooses their position "
    "embeddings in Python code, which an ONNX graph cannot hold"
)
_BOTH_WAYS = (
    "lets image tokens attend to each other both ways in its language model; a causal decoder does "
    "not, so the embeddings would be of no use"
)
_PIXTRAL = "has Pixtral's tower, whose exported graph takes one size of image only"
_AUTHORS = (
    "has the format of its authors' own code; a conversion for transformers, such as those of "
    "llava-hf, is served"
)
_GRID = (
    "has a tower of its own for grids of patches, and of such towers only those of Qwen2-VL, "
    "Qwen2.5-VL and Qwen3-VL are served"
)

NOT_CARRIED: Mapping[str, str] = {
    "internvl_chat": _AUTHORS,
    "llava_llama": _AUTHORS,
    "llava_mistral": _AUTHORS,
    "llava_qwen": _AUTHORS,
    "minicpmv": _NAVIT,
    "minicpmo": _NAVIT,
    "minicpmv4_6": _NAVIT,
    "minicpmv4_7": _NAVIT,
    "minicpm_ocr": _NAVIT,
    "idefics2": _NAVIT,
    "pixtral": _PIXTRAL,
    "mistral3": _PIXTRAL,
    "lighton_ocr": _PIXTRAL,
    "paligemma": _BOTH_WAYS,
    "ernie4_5_vl_moe": _GRID,
    "glm46v": _GRID,
    "glm4v": _GRID,
    "glm4v_moe": _GRID,
    "glm_ocr": _GRID,
    "kimi_k25": _GRID,
    "kimi_vl": _GRID,
    "paddleocr_vl": _GRID,
    "qwen2_5_omni": _GRID,
    "qwen3_5": _GRID,
    "qwen3_5_moe": _GRID,
    "qwen3_omni_moe": _GRID,
    "video_llama_3": _GRID,
}
"""``model_type`` -> why it is not served."""


def read_eye(path: Path) -> Eye:
    """Read config.json and the weights' headers.

    Raises:
        SourceError: no such folder, an architecture that is not served, or settings that are not,
            or that the weights contradict; all of what is wrong is told.
    """
    file = path / "config.json"
    if not file.is_file():
        raise SourceError(
            f"{path}: expected a vision checkpoint, with config.json, found none. {known()}"
        )
    content = read_settings(file)
    architecture = _architecture(path, content)
    wrong: list[str] = []
    config = Values("config.json", content, wrong)
    config.only({"quantization_config": ()})
    eye = architecture.read(Folder(path, config, read_headers(path)))
    refuse_all(path, f"settings of a {architecture.name} that are served", wrong)
    return eye


def known() -> str:
    """Which architectures are served, a sentence."""
    return f"Served are {', '.join(map(str, SERVED))}, each as a folder in Hugging Face format."


def served(content: Mapping[str, object]) -> Architecture | None:
    """The architecture that a config.json names; None if it is not served."""
    kind, classes = content.get("model_type"), content.get("architectures")
    for each in SERVED:
        if each.model_type == kind and classes in (None, [], [each.model_class]):
            return each
    return None


def _architecture(path: Path, content: Mapping[str, object]) -> Architecture:
    kind, classes = content.get("model_type"), content.get("architectures")
    if reason := NOT_CARRIED.get(str(kind)):
        raise SourceError(f"{path}: '{kind}' is not served: it {reason}. {known()}")
    if found := served(content):
        return found
    told = f"model_type {kind!r}"
    if any(each.model_type == kind for each in SERVED):
        told += f", and the classes {classes}"
    raise SourceError(
        f"{path}: expected a vision checkpoint that is served, found {shortened(told)}. {known()}"
    )
