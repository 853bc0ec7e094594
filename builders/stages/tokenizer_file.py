"""A checkpoint's tokenizer, as the stage :mod:`builders.stages.tokenise` reads it.

It is transformers' own tokenizer of the checkpoint: what transformers makes of the folder is saved
in the format of the tokenizers package, so both give equal tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from builders.kit.export import Export, Form
from builders.kit.sources.error import SourceError
from builders.kit.sources.tokenizer import read_tokenizer

FILE = "tokenizer.json"


def tokenizer_file(
    source: str,
    form: Form | None = None,
    *,
    folder: str = "",
    lower_case: bool = False,
    vocabulary: int = 0,
) -> Export:
    """The export of the file that a tokenising stage reads, under the name ``tokenizer.json``.

    Args:
        source: the component whose checkpoint has the tokenizer.
        form: as in :class:`~builders.kit.export.Export`.
        folder: where it lies in the checkpoint.
        lower_case: texts are put into small letters before all that the tokenizer does.
        vocabulary: how many tokens the model knows; one that knows fewer is refused. 0: not held
            to it.
    """
    return Export(
        name=FILE,
        source=source,
        make=partial(write, folder=folder, lower_case=lower_case, vocabulary=vocabulary),
        options={"folder": folder, "lower_case": lower_case, "vocabulary": vocabulary},
        parity=None,
        form=form,
    )


def write(
    checkpoint: Path, out: Path, *, folder: str = "", lower_case: bool = False, vocabulary: int = 0
) -> Mapping[str, object]:
    """Write the tokenizer of a checkpoint's folder, with its padding token and side of truncation.

    Raises:
        SourceError: there is none that the tokenizers package can run, it fills on the left, it
            has no token to fill with, or it has more tokens than the model.
    """
    loaded = _loaded(checkpoint / folder)
    if not getattr(loaded, "is_fast", False):
        raise SourceError(
            f"{checkpoint}: expected a tokenizer of the tokenizers package, found "
            f"{type(loaded).__name__}. Add its {FILE} to the folder."
        )
    if loaded.padding_side != "right":
        raise SourceError(
            f"{checkpoint}: expected a tokenizer that fills on the right, found "
            f"{loaded.padding_side!r} as padding_side. Take a model that reads from the left."
        )
    if loaded.pad_token_id is None:
        raise SourceError(
            f"{checkpoint}: expected a tokenizer with a pad_token, found none. Name one in "
            "tokenizer_config.json."
        )
    made = loaded.backend_tokenizer
    tokens = max(made.get_vocab(with_added_tokens=True).values(), default=-1) + 1
    if vocabulary and tokens > vocabulary:
        raise SourceError(
            f"{checkpoint}: expected a tokenizer of at most {vocabulary} tokens, as config.json "
            f"says the model has, found {tokens}. Take the tokenizer of the model."
        )
    made.enable_padding(pad_id=loaded.pad_token_id, pad_token=loaded.pad_token)
    made.enable_truncation(1 << 20, direction=loaded.truncation_side)
    if lower_case:
        from tokenizers import normalizers

        small = normalizers.Lowercase()
        made.normalizer = (
            small if made.normalizer is None else normalizers.Sequence([small, made.normalizer])
        )
    out.write_text(made.to_str(), encoding="utf-8")
    return {
        "tokens": made.get_vocab_size(with_added_tokens=True),
        "tokenizer": type(loaded).__name__,
    }


def _loaded(folder: Path) -> Any:
    """transformers' tokenizer of a folder."""
    from builders.kit.onnx import transformers_alone

    if (folder / FILE).exists():
        # transformers would read it too, and some files end the process that does.
        read_tokenizer(folder / FILE)
    try:
        with transformers_alone() as transformers:
            return transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # transformers raises whatever a wrong file leads it to
        said = str(error).strip().partition("\n")[0].rstrip(".")
        raise SourceError(
            f"{folder}: expected a tokenizer that transformers loads, found: {said}. Save it with "
            "transformers' save_pretrained."
        ) from error
