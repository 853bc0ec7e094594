"""How a decoder's config says that positions turn heads (rotary embeddings), and how many it has.

Configs of transformers 5 have ``rope_parameters``, older ones ``rope_scaling`` and ``rope_theta``.
A decoder with two kinds of layers has parameters for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from builders.kit.sources.values import Values

_LAYERS = ("full_attention", "sliding_attention")

_CARRIED = ("default", "linear", "llama3", "yarn", "longrope", "su")
"""Kinds of scaling whose angles depend on the position alone. The last two have other angles for
texts that are longer than the decoder was made for at first, so they are carried up to there."""

_SHORT = ("longrope", "su")


def read_context(config: Values, usual: int) -> int:
    """The most tokens of a text; what is not carried is noted.

    Args:
        config: the decoder's.
        usual: what it is if it is left out.
    """
    context = config.whole("max_position_embeddings", usual, 1)
    for name, found in _parameters(config):
        kind = found.get("rope_type", found.get("type", "default"))
        if found.get("mrope_section"):
            config.refuse(name, "one position for each token, not three (mrope)")
        elif kind not in _CARRIED:
            config.refuse(name, f"a rope_type of {', '.join(_CARRIED[:-1])}")
        elif kind in _SHORT:
            key = "original_max_position_embeddings"
            first = found.get(key, config.content.get(key))
            if type(first) is not int or first < 1:
                config.refuse(key, "the tokens that the decoder was made for at first")
            else:
                context = min(context, first)
    return context


def read_turned(config: Values, usual: float) -> float:
    """The part of each head that positions turn; what is wrong is noted."""
    found = config.content.get("partial_rotary_factor")
    for _, each in _parameters(config):
        found = each.get("partial_rotary_factor", found)
    if found is None:
        return usual
    if type(found) in (int, float) and 0 < found <= 1:
        return float(found)
    config.refuse("partial_rotary_factor", "a number above 0, and 1 at most")
    return usual


def _parameters(config: Values) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The parameters of each kind of layers, and the key that has them."""
    for name in ("rope_parameters", "rope_scaling"):
        found = config.content.get(name)
        if found is None:
            continue
        if not isinstance(found, dict):
            config.refuse(name, "an object")
            continue
        inner = [found[each] for each in _LAYERS if isinstance(found.get(each), dict)]
        yield from ((name, each) for each in inner or [found])
