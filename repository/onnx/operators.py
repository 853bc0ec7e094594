"""Which ONNX Runtime brought which operators beyond ONNX's own.

Found by asking each version's wheel, 1.17 to 1.28 and 1.32, for the operators of com.microsoft that
it knows, and by loading a model with each of the others.
"""

from __future__ import annotations

from collections.abc import Mapping

_AFTER_1_28 = [
    "BranchwiseRMSNorm",
    "ConvStateReplay",
    "DynamicSparseAttention",
    "EngramGate",
    "GatedAdd",
    "GatedDeltaNet",
    "GatedDeltaNetStateReplay",
    "GatedRMSNorm",
    "GatherPacked",
    "HyperConnectionLowRankMix",
    "HyperConnectionPostMix",
    "HyperConnectionPreMix",
    "LinearAttentionGate",
    "MRotaryEmbedding",
    "Mamba2Verify",
    "MatMulBlockQuantizedFp4Weight",
    "MatMulBlockQuantizedFp8Weight",
    "MatMulNBitsQLoRA",
    "MatMulPacked",
    "MoEGroupRouter",
    "MoEPacked",
    "NGramHashMapping",
    "PackedSparseAttentionIndexer",
    "PackedSparseAttentionIndexerMerge",
    "RMSNormRotary",
    "RouterGateUpProj",
    "ScaledSiLU",
    "SparseAttentionIndexer",
    "SparsePagedAttention",
    "SpeculativePrefixCommit",
    "SwiGLU",
    "VarlenCausalConvWithState",
    "VarlenNGramHashMapping",
]

SINCE: Mapping[str, tuple[int, int]] = {
    "com.microsoft.GemmaRotaryEmbedding": (1, 18),
    "com.microsoft.QMoE": (1, 18),
    "com.microsoft.SparseAttention": (1, 18),
    "com.microsoft.GatherBlockQuantized": (1, 20),
    "com.microsoft.PagedAttention": (1, 23),
    "com.microsoft.CausalConvWithState": (1, 27),
    "com.microsoft.LinearAttention": (1, 27),
    "com.microsoft.MatMulNBitsMlp": (1, 27),
    "com.microsoft.MatMulNBitsQkv": (1, 27),
    "ai.onnx.ml.TreeEnsemble": (1, 21),
    **{f"com.microsoft.{name}": (1, 29) for name in _AFTER_1_28},
}
"""``domain.Operator`` -> the first ONNX Runtime that may have it; others are in 1.17."""

ML_DOMAIN = "ai.onnx.ml"


def newest_ml(onnxruntime: str) -> int:
    """The newest version of ai.onnx.ml that an ONNX Runtime loads.

    Args:
        onnxruntime: its version; empty for one that is newer than all that are known.
    """
    return 5 if not onnxruntime or minor(onnxruntime) >= (1, 18) else 4


def lacks(onnxruntime: str, operator: str) -> bool:
    """Whether an ONNX Runtime is known not to have an operator, given as ``domain.Operator``."""
    return bool(onnxruntime) and minor(onnxruntime) < SINCE.get(operator, (0, 0))


def minor(version: str) -> tuple[int, int]:
    """The first two numbers of a version."""
    major, second = version.split(".")[:2]
    return int(major), int(second)
