"""The models that are known and not carried, and what is in the way of each."""

from __future__ import annotations

from collections.abc import Mapping

_THREE = (
    "gives each token of an image three positions (mrope), and the decoder's graph takes one for "
    "each token"
)
_BOTH_WAYS = (
    "lets the tokens of an image attend to each other both ways, and the decoder's graph is causal"
)
_ACROSS = "attends to an image across layers of its own, and the decoder's graph has none of those"
ENCODER = "is an encoder-decoder, and of those only Whisper is served, by the family asr"
_STATES = "keeps states of another kind than keys and values, and the decoder's slots have none"
_EXPERTS = "has experts that onnxruntime-genai's builder makes no graph of"
_BEHIND = "has norms behind its parts, which onnxruntime-genai's builder makes no graph of"
_AFTERWARDS = (
    "has norms behind the positions of its heads, so that its graph asks for positions beside "
    "embeddings, and the engine gives none"
)
_HEADS = "has heads of two sizes, and the decoder's slots have one"
_AUTHORS = (
    "has the format of its authors' own code, which never runs; a conversion for transformers is "
    "carried"
)
OF_TEXT = (ENCODER, _STATES, _EXPERTS, _BEHIND, _AFTERWARDS, _HEADS)
"""Reasons that no other family gives better."""

_ONE_WAY = "is an encoder: it writes no text"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen2_5_omni"),
            *("qwen3_omni_moe", "glm4v", "glm4v_moe", "glm46v", "glm_ocr", "paddleocr_vl"),
            *("ernie4_5_vl_moe", "video_llama_3"),
        ),
        _THREE,
    ),
    **dict.fromkeys(("gemma3", "gemma3n", "paligemma", "colpali"), _BOTH_WAYS),
    "mllama": _ACROSS,
    **dict.fromkeys(
        (
            *("bart", "mbart", "blenderbot", "fsmt", "led", "longt5", "m2m_100", "marian", "mt5"),
            *("nllb-moe", "pegasus", "pix2struct", "prophetnet", "t5", "t5gemma", "udop", "umt5"),
            *("florence2", "moonshine", "seamless_m4t", "speech_to_text", "whisper"),
        ),
        ENCODER,
    ),
    **dict.fromkeys(
        (
            *("bamba", "falcon_h1", "falcon_mamba", "jamba", "lfm2", "lfm2_moe", "lfm2_vl"),
            *("mamba", "mamba2", "minimax", "nemotron_h", "qwen3_5", "qwen3_5_moe"),
            *("qwen3_5_text", "qwen3_next", "recurrent_gemma", "rwkv", "xlstm", "zamba", "zamba2"),
        ),
        _STATES,
    ),
    **dict.fromkeys(
        (
            *("dbrx", "deepseek_v2", "deepseek_v3", "ernie4_5_moe", "granitemoe", "llama4"),
            *("llama4_text", "mixtral", "olmoe", "phimoe", "qwen2_moe", "qwen3_moe"),
        ),
        _EXPERTS,
    ),
    **dict.fromkeys(("olmo2", "olmo3"), _BEHIND),
    **dict.fromkeys(("hunyuan_v1_dense", "hunyuan_v1_moe"), _AFTERWARDS),
    **dict.fromkeys(("gemma4", "gemma4_text", "gemma4_unified"), _HEADS),
    **dict.fromkeys(
        (
            *("chatglm", "internlm2", "internvl_chat", "llava_llama", "llava_mistral"),
            *("llava_qwen", "minicpmv", "minicpmo", "phi3_v", "phi4mm", "phi3small"),
        ),
        _AUTHORS,
    ),
    **dict.fromkeys(
        ("bert", "deberta-v2", "distilbert", "electra", "modernbert", "roberta", "xlm-roberta"),
        _ONE_WAY,
    ),
}
"""``model_type`` -> why it is not carried, after "it"."""
