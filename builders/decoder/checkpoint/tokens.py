"""The tokens of a checkpoint that have a meaning of their own: which end a text, and so on.

A text ends at each token that generation_config.json names, or config.json if there is none: there
transformers' ``generate`` stops. It also ends at the tokenizer's ``eos_token``. Chat templates end
each turn with that one, and some checkpoints name only the end of a document as ``eos_token_id``;
their answers would go on with the next question, which the decoder would make up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from builders.decoder.checkpoint.decoder import Tokens
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.values import Values

TOKENIZER = "tokenizer.json"


def settings(path: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file of a checkpoint that may be missing."""
    return read_settings(path / name) if (path / name).is_file() else {}


def read_vocabulary(path: Path) -> dict[str, int]:
    """The tokens in tokenizer.json: text -> id.

    Raises:
        SourceError: the checkpoint has no such file, or it is not a tokenizer's.
    """
    file = path / TOKENIZER
    if not file.is_file():
        raise SourceError(
            f"{path}: expected the tokenizer as {TOKENIZER}, found none. Load it with "
            "transformers' AutoTokenizer, and save it with save_pretrained."
        )
    content = read_settings(file)
    model = content.get("model")
    listed = model.get("vocab") if isinstance(model, dict) else None
    found: dict[str, int] = {}
    if isinstance(listed, dict):
        found = {text: each for text, each in listed.items() if type(each) is int}
    elif isinstance(listed, list):  # of Unigram: a text and its score
        texts = [each[0] if isinstance(each, list) and each else None for each in listed]
        found = {text: number for number, text in enumerate(texts) if isinstance(text, str)}
    added = content.get("added_tokens")
    for each in added if isinstance(added, list) else ():
        if isinstance(each, dict) and type(each.get("id")) is int:
            found[str(each.get("content"))] = each["id"]
    if not found:
        raise SourceError(
            f"{file}: expected a tokenizer with a vocabulary, found none. Save it with "
            "transformers' save_pretrained."
        )
    return found


def read_tokens(
    generation: Values,
    configs: Sequence[Values],
    tokenizer: Mapping[str, Any],
    vocabulary: Mapping[str, int],
    vocab: int,
) -> Tokens:
    """The tokens that the files name; what is wrong is noted.

    Args:
        generation: generation_config.json.
        configs: the decoder's config, and the one around it.
        tokenizer: tokenizer_config.json.
        vocabulary: the tokenizer's tokens.
        vocab: how many the decoder knows.
    """
    special = dict(_special(tokenizer))
    sources = (generation, *configs)
    eos = next((found for each in sources if (found := _ids(each, "eos_token_id", vocab))), ())
    end = vocabulary.get(special.get("eos_token", ""))
    if end is not None and end < vocab and end not in eos:
        eos = (*eos, end)
    if not eos:
        generation.refuse("eos_token_id", "the token that ends a text")
    bos, pad = (
        next(
            (found[0] for each in sources if (found := _ids(each, f"{name}_token_id", vocab))), None
        )
        for name in ("bos", "pad")
    )
    return Tokens(eos=eos, bos=bos, pad=pad, special=special)


def _ids(values: Values, name: str, vocab: int) -> tuple[int, ...]:
    """One token or several; none if they are left out."""
    given = values.content.get(name)
    found = given if isinstance(given, list) else [given]
    if given is None or (name != "eos_token_id" and found == [-1]):  # some write -1 for none
        return ()
    if all(type(each) is int and 0 <= each < vocab for each in found):
        return tuple(found)
    values.refuse(name, f"a token from 0 to {vocab - 1}")
    return ()


def _special(tokenizer: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    found = []
    for name, value in tokenizer.items():
        text = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(text, str):
            found.append((name, text))
    return sorted(found)
