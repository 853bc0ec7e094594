"""A decoder's config in the form that onnxruntime-genai's builder gets right.

Of scaled positions, sliding windows, layers without positions and some norms the builder of 0.18
makes other graphs than transformers 5 computes, and it refuses some. So it is shown a config
without them, and :mod:`builders.decoder.exports.corrected` puts them in afterwards. Names and
shapes of the weights are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.language import BY_TYPE
from builders.decoder.checkpoint.positions import read_turned
from builders.kit.sources.values import Values

_LEFT_OUT = (
    *("rope_scaling", "rope_theta", "rope_local_base_freq", "partial_rotary_factor"),
    *("original_max_position_embeddings", "torch_dtype", "no_rope_layers"),
)

_PLAIN = {"rope_type": "default", "rope_theta": 10000.0}

_OF_GPT_OSS = {
    "rope_type": "yarn",
    "rope_theta": 150000.0,
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}
"""Its builder takes no other kind."""


def neutral(decoder: Decoder, config: Mapping[str, Any]) -> dict[str, Any]:
    """What the builder is shown.

    Args:
        decoder: the checkpoint's.
        config: config.json of the decoder alone.
    """
    architecture = BY_TYPE[decoder.model_type]
    made = {name: value for name, value in config.items() if name not in _LEFT_OUT}
    made["dtype"] = "float32"
    made["max_position_embeddings"] = decoder.context
    made["rope_parameters"] = dict(_PLAIN)
    if architecture.usual.turned is not None:
        part = read_turned(Values("config.json", config, []), architecture.usual.turned)
        made["rope_parameters"]["partial_rotary_factor"] = part
    if decoder.model_type == "gpt_oss":
        made["rope_parameters"] = dict(_OF_GPT_OSS)
    elif decoder.model_type == "gemma3_text":
        # transformers has parameters for each kind of layers, and the builder those of one.
        made["rope_parameters"] |= dict.fromkeys(("full_attention", "sliding_attention"), _PLAIN)
        made["rope_parameters"]["rope_local_base_freq"] = _PLAIN["rope_theta"]
    elif decoder.model_type == "phi3":
        made["original_max_position_embeddings"] = decoder.context
    elif decoder.model_type == "smollm3":
        made["no_rope_layers"] = [1] * decoder.layers
    epsilon = architecture.epsilon
    if isinstance(epsilon, float):
        made["rms_norm_eps"] = epsilon
    elif epsilon != "rms_norm_eps":
        made["rms_norm_eps"] = config.get(epsilon, 1e-5)
    return made
