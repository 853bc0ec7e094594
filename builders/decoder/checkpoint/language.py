"""The causal language models that are carried."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from builders.decoder.checkpoint.architecture import (
    Architecture,
    Sizes,
    Usual,
    root_of_hidden,
)
from builders.kit.sources.values import Values


def _both_ways(config: Values, sizes: Sizes) -> None:
    config.only({"use_bidirectional_attention": (False,)})


def _dense(config: Values, sizes: Sizes) -> None:
    """Granite 4 has forms with layers of Mamba, and with experts."""
    content = config.content
    name = "layers_block_type" if "layers_block_type" in content else "layer_types"
    kinds = (["attention"] * sizes.layers, ["full_attention"] * sizes.layers)
    if content.get(name) not in kinds:
        config.refuse(name, "layers of attention alone")
    if content.get("num_local_experts") != 0:
        config.refuse("num_local_experts", "0")
    if content.get("position_embedding_type") != "rope":
        config.refuse("position_embedding_type", '"rope"')


def _window(usual: int | None, config: Values) -> int | None:
    """The window of decoders that have one unless their config says null."""
    if config.content.get("sliding_window", usual) is None:
        return None
    return config.whole("sliding_window", usual, 1)


def _chosen_window(config: Values) -> int | None:
    """The window of decoders that have one if their config says so."""
    return _window(4096, config) if config.content.get("use_sliding_window") else None


CARRIED: tuple[Architecture, ...] = (
    Architecture("Llama", "llama", "LlamaForCausalLM", Usual(32, 4096, 32, 32000, 2048)),
    Architecture(
        "Mistral",
        "mistral",
        "MistralForCausalLM",
        Usual(32, 4096, 32, 32000, 131072, kv_heads=8),
        window=partial(_window, 4096),
    ),
    Architecture(
        "Qwen2",
        "qwen2",
        "Qwen2ForCausalLM",
        Usual(32, 4096, 32, 151936, 32768),
        window=_chosen_window,
    ),
    Architecture(
        "Qwen3",
        "qwen3",
        "Qwen3ForCausalLM",
        Usual(32, 4096, 32, 151936, 32768, head_dim=128),
        window=_chosen_window,
    ),
    Architecture(
        "Gemma",
        "gemma",
        "GemmaForCausalLM",
        Usual(28, 3072, 16, 256000, 8192, head_dim=256),
        refuse=_both_ways,
        scale=root_of_hidden,
    ),
    Architecture(
        "Gemma 2",
        "gemma2",
        "Gemma2ForCausalLM",
        Usual(26, 2304, 8, 256000, 8192, kv_heads=4, head_dim=256),
        refuse=_both_ways,
        scale=root_of_hidden,
        window=partial(_window, 4096),
    ),
    Architecture(
        "Gemma 3",
        "gemma3_text",
        "Gemma3ForCausalLM",
        Usual(26, 2304, 8, 262208, 131072, kv_heads=4, head_dim=256),
        refuse=_both_ways,
        scale=root_of_hidden,
        window=partial(_window, 4096),
    ),
    Architecture(
        "Phi",
        "phi",
        "PhiForCausalLM",
        Usual(24, 2048, 32, 51200, 2048, turned=0.5),
        only={"qk_layernorm": (False,)},
        epsilon="layer_norm_eps",
    ),
    Architecture(
        "Phi-3",
        "phi3",
        "Phi3ForCausalLM",
        Usual(32, 3072, 32, 32064, 4096, turned=1.0),
        window=partial(_window, None),
    ),
    Architecture(
        "SmolLM3",
        "smollm3",
        "SmolLM3ForCausalLM",
        Usual(36, 2048, 16, 128256, 32768, kv_heads=4),
        window=_chosen_window,
    ),
    Architecture("Granite", "granite", "GraniteForCausalLM", Usual(32, 4096, 32, 32000, 2048)),
    Architecture(
        "Granite 4",
        "granitemoehybrid",
        "GraniteMoeHybridForCausalLM",
        Usual(32, 4096, 32, 32000, 2048),
        refuse=_dense,
    ),
    Architecture(
        "OLMo",
        "olmo",
        "OlmoForCausalLM",
        Usual(32, 4096, 32, 50304, 2048),
        only={"clip_qkv": ()},
        epsilon=1e-5,
    ),
    Architecture(
        "Nemotron",
        "nemotron",
        "NemotronForCausalLM",
        Usual(32, 6144, 48, 256000, 4096, head_dim=128, turned=0.5),
        epsilon="norm_eps",
    ),
    Architecture(
        "ERNIE 4.5",
        "ernie4_5",
        "Ernie4_5ForCausalLM",
        Usual(18, 1024, 16, 103424, 131072, kv_heads=2, head_dim=128),
    ),
    Architecture(
        "gpt-oss",
        "gpt_oss",
        "GptOssForCausalLM",
        Usual(36, 2880, 64, 201088, 131072, kv_heads=8, head_dim=64),
        window=partial(_window, 128),
    ),
)

BY_TYPE: Mapping[str, Architecture] = {each.model_type: each for each in CARRIED}
"""By ``model_type``."""
