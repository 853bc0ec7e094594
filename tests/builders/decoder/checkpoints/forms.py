"""Random tiny checkpoints of every form of decoder that is told apart, served or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from builders.kit.paths import BUILDERS

Maker = Callable[[Path], Path]
"""Writes a checkpoint into a folder that is not there yet, and returns the folder."""

DEMO = BUILDERS / "vision" / "demo" / "vision"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

WINDOW = 16
KINDS = ["sliding_attention", "full_attention", "sliding_attention"]
TEXT: Mapping[str, Any] = {
    "vocab_size": 640,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    # Larger than usual: attention that hardly tells tokens apart would hide where it looks.
    "initializer_range": 0.12,
    "bos_token_id": 1,
    "eos_token_id": 5,
    "pad_token_id": 0,
}
GRANITE: Mapping[str, Any] = {
    "embedding_multiplier": 12.0,
    "attention_multiplier": 0.3,
    "residual_multiplier": 0.22,
    "logits_scaling": 6.0,
}


def rope(kind: str, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **more}}


LLAMA3 = rope(
    "llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=64,
)
YARN = rope("yarn", factor=4.0, original_max_position_embeddings=64)
LINEAR = rope("linear", factor=4.0)
LONG: Mapping[str, Any] = {
    **rope(
        "longrope",
        factor=4.0,
        short_factor=[1.0 + number / 10 for number in range(8)],
        long_factor=[2.0 + number for number in range(8)],
        original_max_position_embeddings=64,
    ),
    "original_max_position_embeddings": 64,
}


def text(name: str, folder: Path, dtype: str = "float32", **config: Any) -> Path:
    """A decoder of text, as transformers saves it.

    Args:
        name: of its classes, as "Llama"; its weights are random, those of norms and biases too.
        folder: to be written.
        dtype: of the weights.
        config: what differs from :data:`TEXT`.
    """
    import transformers

    made = getattr(transformers, f"{name}Config")(**{**TEXT, **config})
    model = getattr(transformers, f"{name.removesuffix('Text')}ForCausalLM")
    return save(model, made, folder, dtype)


def save(model_class: Any, config: Any, folder: Path, dtype: str = "float32") -> Path:
    """Save a random model and the demo's tokenizer."""
    import torch

    torch.manual_seed(7)
    model = model_class(config).eval()
    with torch.no_grad():
        for each in model.parameters():
            if each.ndim < 2:  # norms are ones otherwise, and biases zeros
                each.add_(torch.randn_like(each) * 0.2)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    for file in TOKENIZER:
        shutil.copy(DEMO / file, folder / file)
    return folder


def edit(folder: Path, **config: Any) -> Path:
    """Change config.json; None takes a key out."""
    file = folder / "config.json"
    content = {**json.loads(file.read_text("utf-8")), **config}
    kept = {key: value for key, value in content.items() if value is not None}
    file.write_text(json.dumps(kept), "utf-8")
    return folder


def edited(maker: Maker, **config: Any) -> Maker:
    return lambda folder: edit(maker(folder), **config)


def _mistral(window: int | None = None, **config: Any) -> Maker:
    return partial(text, "Mistral", sliding_window=window, **config)


_SOME: Mapping[str, Any] = {
    "use_sliding_window": True,
    "sliding_window": WINDOW,
    "max_window_layers": 1,
}
_GEMMA: Mapping[str, Any] = {"head_dim": 32, "query_pre_attn_scalar": 24}
_ALTERNATING: Mapping[str, Any] = {"sliding_window": WINDOW, "layer_types": KINDS}
_EXPERTS: Mapping[str, Any] = {"num_local_experts": 4, "num_experts_per_tok": 2}

TEXTS: Mapping[str, Maker] = {
    "Llama": partial(text, "Llama"),
    "Llama, a head for each, biases, tied": partial(
        text,
        "Llama",
        num_key_value_heads=4,
        attention_bias=True,
        mlp_bias=True,
        tie_word_embeddings=True,
    ),
    "Llama, wide heads": partial(text, "Llama", head_dim=32),
    "Llama, bfloat16": partial(text, "Llama", dtype="bfloat16"),
    "Llama, positions as Llama 3.1": partial(text, "Llama", **LLAMA3),
    "Llama, linear positions": partial(text, "Llama", **LINEAR),
    "Llama, YaRN": partial(text, "Llama", **YARN),
    "Mistral": _mistral(),
    "Mistral, window": _mistral(WINDOW),
    "Mistral, wide heads, tied": _mistral(head_dim=32, tie_word_embeddings=True),
    "Qwen2": partial(text, "Qwen2"),
    "Qwen2, tied": partial(text, "Qwen2", tie_word_embeddings=True),
    "Qwen2, window in some layers": partial(text, "Qwen2", **_SOME),
    "Qwen2, YaRN": partial(text, "Qwen2", **YARN),
    "Qwen3": partial(text, "Qwen3", head_dim=16),
    "Qwen3, wide heads, biases": partial(text, "Qwen3", head_dim=32, attention_bias=True),
    "Qwen3, window in some layers": partial(text, "Qwen3", head_dim=16, **_SOME),
    "Gemma": partial(text, "Gemma", head_dim=32),
    "Gemma, bfloat16": partial(text, "Gemma", head_dim=32, dtype="bfloat16"),
    "Gemma 2, soft caps": partial(
        text,
        "Gemma2",
        attn_logit_softcapping=5.0,
        final_logit_softcapping=3.0,
        **_GEMMA,
        **_ALTERNATING,
    ),
    "Gemma 3": partial(text, "Gemma3Text", **_GEMMA, **_ALTERNATING),
    "Gemma 3, linear positions": partial(
        text,
        "Gemma3Text",
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
        },
        **_GEMMA,
        **_ALTERNATING,
    ),
    "Phi": partial(text, "Phi", hidden_size=128, num_key_value_heads=4),
    "Phi, fewer heads of keys": partial(text, "Phi", hidden_size=256),
    "Phi-3": partial(text, "Phi3", original_max_position_embeddings=256),
    "Phi-3, window": partial(
        text, "Phi3", original_max_position_embeddings=256, sliding_window=WINDOW
    ),
    "Phi-3, a part turned": partial(
        text,
        "Phi3",
        hidden_size=256,
        original_max_position_embeddings=256,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.75,
        },
    ),
    "Phi-3, LongRoPE": partial(text, "Phi3", **LONG),
    "SmolLM3": partial(text, "SmolLM3", no_rope_layers=[1, 1, 0]),
    "SmolLM3, window in some layers, YaRN": partial(
        text,
        "SmolLM3",
        no_rope_layers=[1, 0, 1],
        use_sliding_window=True,
        **_ALTERNATING,
        **YARN,
    ),
    "Granite": partial(text, "Granite", **GRANITE),
    "Granite, biases, tied": partial(
        text, "Granite", attention_bias=True, mlp_bias=True, tie_word_embeddings=True, **GRANITE
    ),
    "Granite 4": partial(
        text,
        "GraniteMoeHybrid",
        layer_types=["attention"] * 3,
        num_local_experts=0,
        shared_intermediate_size=96,
        position_embedding_type="rope",
        **GRANITE,
    ),
    "OLMo": partial(text, "Olmo"),
    "Nemotron": partial(text, "Nemotron", head_dim=32),
    "Nemotron, all turned": partial(text, "Nemotron", head_dim=16, partial_rotary_factor=1.0),
    "ERNIE 4.5": partial(text, "Ernie4_5", head_dim=16),
    "ERNIE 4.5, biases": partial(text, "Ernie4_5", head_dim=16, use_bias=True),
    "gpt-oss": partial(
        text,
        "GptOss",
        head_dim=32,
        **_ALTERNATING,
        **_EXPERTS,
        **rope("yarn", factor=4.0, original_max_position_embeddings=64, truncate=False),
    ),
}
"""Decoders of text that are served."""

TOWER: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 7,
}
IMAGE = 2
"""The demo's tokenizer has it as ``<image>``."""


def seeing(
    name: str, inner: str, folder: Path, inside: Mapping[str, Any] | None = None, **config: Any
) -> Path:
    """A model that sees, as transformers saves it.

    Args:
        name: of its classes, as "Llava".
        inner: of its language model's, as "Llama".
        folder: to be written.
        inside: what differs from :data:`TEXT`.
        config: its own.
    """
    import transformers

    made = getattr(transformers, f"{name}Config")(
        text_config=getattr(transformers, f"{inner}Config")(**{**TEXT, **(inside or {})}),
        **{"vision_config": TOWER, "image_token_id": IMAGE, **config},
    )
    return save(getattr(transformers, f"{name}ForConditionalGeneration"), made, folder)


def renamed(maker: Maker, old: str, new: str) -> Maker:
    """A checkpoint whose tensors have names of another age."""

    def make(folder: Path) -> Path:
        from safetensors.numpy import load_file, save_file

        file = maker(folder) / "model.safetensors"
        tensors = load_file(file)
        assert any(name.startswith(old) for name in tensors), sorted(tensors)
        found = {
            new + name.removeprefix(old) if name.startswith(old) else name: each
            for name, each in tensors.items()
        }
        save_file(found, file, metadata={"format": "pt"})
        return folder

    return make


_CLIP: Mapping[str, Any] = {"vision_config": {**TOWER, "model_type": "clip_vision_model"}}
_SIGLIP: Mapping[str, Any] = {"vision_config": {**TOWER, "model_type": "siglip_vision_model"}}
_PINS: Mapping[str, Any] = {"image_grid_pinpoints": [[28, 56], [56, 28]]}
_SQUARES: Mapping[str, Any] = {
    "vision_config": {**TOWER, "image_size": [28, 28], "patch_size": [7, 7]}
}

SEEING: Mapping[str, Maker] = {
    "LLaVA": partial(seeing, "Llava", "Llama", **_CLIP),
    "LLaVA, names of today": renamed(
        partial(seeing, "Llava", "Llama", **_CLIP), "language_model.model.", "model.language_model."
    ),
    "LLaVA, Mistral, window": partial(
        seeing, "Llava", "Mistral", inside={"sliding_window": WINDOW}, **_CLIP
    ),
    "LLaVA, Gemma": partial(
        seeing, "Llava", "Gemma", inside={"head_dim": 32}, tie_word_embeddings=True, **_SIGLIP
    ),
    "LLaVA, Phi-3": partial(
        seeing,
        "Llava",
        "Phi3",
        inside={"original_max_position_embeddings": 256},
        **_CLIP,
    ),
    "LLaVA-NeXT, Mistral": partial(seeing, "LlavaNext", "Mistral", **_CLIP, **_PINS),
    "LLaVA-NeXT, Granite": partial(
        seeing, "LlavaNext", "Granite", inside=GRANITE, **_SIGLIP, **_PINS
    ),
    "LLaVA-NeXT, Gemma 2": partial(
        seeing,
        "LlavaNext",
        "Gemma2",
        inside={"final_logit_softcapping": 3.0, **_GEMMA, **_ALTERNATING},
        tie_word_embeddings=True,
        **_SIGLIP,
        **_PINS,
    ),
    "LLaVA-OneVision, tied": partial(
        seeing,
        "LlavaOnevision",
        "Qwen2",
        inside={"tie_word_embeddings": True},
        tie_word_embeddings=True,
        **_SIGLIP,
        **_PINS,
    ),
    "InternVL, Qwen2": partial(seeing, "InternVL", "Qwen2", **_SQUARES),
    "InternVL, Qwen3": partial(seeing, "InternVL", "Qwen3", inside={"head_dim": 32}, **_SQUARES),
    "Mistral 3": partial(
        seeing,
        "Mistral3",
        "Mistral",
        vision_config={**TOWER, "model_type": "pixtral", "head_dim": 8},
        spatial_merge_size=2,
    ),
    "Idefics3": partial(seeing, "Idefics3", "Llama"),
    "SmolVLM": partial(seeing, "SmolVLM", "Llama", inside={"tie_word_embeddings": True}),
}
"""Models that see, whose language model is served."""


def without(maker: Maker, name: str) -> Maker:
    """A checkpoint that lacks a file."""

    def make(folder: Path) -> Path:
        (maker(folder) / name).unlink()
        return folder

    return make


def pickled(maker: Maker) -> Maker:
    """A checkpoint whose weights only unpickling reads."""

    def make(folder: Path) -> Path:
        (maker(folder) / "model.safetensors").unlink()
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
        return folder

    return make


_LLAMA = TEXTS["Llama"]

REFUSED: Mapping[str, tuple[Maker, str]] = {
    "Llama, dynamic positions": (
        partial(text, "Llama", **rope("dynamic", factor=4.0)),
        "rope_type",
    ),
    "Llama, heads of 20 numbers": (
        partial(text, "Llama", head_dim=20),
        "head_dim: 20 (expected 16, 32 or another multiple of 16",
    ),
    "Llama, already quantised": (
        edited(_LLAMA, quantization_config={"quant_method": "gptq", "bits": 4}),
        "quantization_config",
    ),
    "Llama, pickled weights": (pickled(_LLAMA), "expected weights in model.safetensors"),
    "Llama, no tokenizer.json": (
        without(_LLAMA, "tokenizer.json"),
        "expected the tokenizer as tokenizer.json, found none",
    ),
    "Llama, other sizes than its weights": (
        edited(_LLAMA, vocab_size=641),
        "weights model.embed_tokens.weight of [640, 64] (expected [641, 64], by config.json)",
    ),
    "Llama, more layers than its weights": (
        edited(_LLAMA, num_hidden_layers=4),
        "no weights of layer 3 (expected 4 layers)",
    ),
    "Gemma 3, both ways": (
        edited(TEXTS["Gemma 3"], use_bidirectional_attention=True),
        "use_bidirectional_attention",
    ),
    "Granite 4, layers of Mamba": (
        edited(TEXTS["Granite 4"], layer_types=["mamba", "attention", "attention"]),
        "layer_types",
    ),
    "OLMo, clipped": (partial(text, "Olmo", clip_qkv=0.5), "clip_qkv: 0.5 (expected none)"),
    "Qwen2, three positions": (
        edited(
            TEXTS["Qwen2"],
            rope_parameters={"rope_type": "default", "mrope_section": [2, 3, 3]},
        ),
        "mrope",
    ),
    "LLaVA, LFM2": (
        edited(SEEING["LLaVA"], text_config={"model_type": "lfm2"}),
        "keeps states of another kind",
    ),
    "A class of a user's own": (edited(_LLAMA, architectures=["MyForCausalLM"]), "MyForCausalLM"),
    "An encoder-decoder": (
        edited(_LLAMA, model_type="mine", is_encoder_decoder=True),
        "is an encoder-decoder",
    ),
    "No end": (
        edited(
            without(without(_LLAMA, "tokenizer_config.json"), "generation_config.json"),
            eos_token_id=None,
        ),
        "eos_token_id: none (expected the token that ends a text)",
    ),
}
"""Forms that are refused, and a part of the sentence that says why."""
