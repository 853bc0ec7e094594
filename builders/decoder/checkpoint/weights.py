"""The tensors of a decoder among those of its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

from builders.decoder.checkpoint.architecture import Sizes
from builders.kit.sources.headers import Header

EMBEDDINGS = "model.embed_tokens.weight"
HEAD = "lm_head.weight"

_WRAPPED = {
    "language_model.model.": "model.",
    "language_model.lm_head.": "lm_head.",
    "model.language_model.": "model.",
    "model.text_model.": "model.",
    "lm_head.": "lm_head.",
}
"""How the names of a language model's tensors begin inside a larger model -> and of its own."""


def own_names(names: Mapping[str, Header], *, wrapped: bool) -> dict[str, str]:
    """The decoder's tensors: each one's name in a checkpoint of the decoder alone -> its name here.

    Args:
        names: all of the checkpoint's.
        wrapped: whether the decoder is part of a larger model.
    """
    if not wrapped:
        return {name: name for name in names}
    found: dict[str, str] = {}
    for name in names:
        for before, after in _WRAPPED.items():
            if name.startswith(before):
                found[after + name.removeprefix(before)] = name
                break
    return found


def mistakes(own: Mapping[str, str], headers: Mapping[str, Header], sizes: Sizes) -> list[str]:
    """A few words for each tensor that is missing or has another shape than config.json says."""
    found = []
    expected = {EMBEDDINGS: (sizes.vocab, sizes.hidden)}
    if HEAD in own:
        expected[HEAD] = (sizes.vocab, sizes.hidden)
    for name, shape in expected.items():
        if name not in own:
            found.append(f"no weights {name} (expected {list(shape)})")
        elif (there := headers[own[name]].shape) != shape:
            found.append(
                f"weights {name} of {list(there)} (expected {list(shape)}, by config.json)"
            )
    numbers = {int(part) for name in own for part in name.split(".")[2:3] if part.isdecimal()}
    if missing := sorted(set(range(sizes.layers)) - numbers):
        found.append(f"no weights of layer {missing[0]} (expected {sizes.layers} layers)")
    return found
