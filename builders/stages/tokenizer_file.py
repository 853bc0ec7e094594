"""A checkpoint's tokenizer, as the stage :mod:`builders.stages.tokenise` reads it.

It is transformers' own tokenizer of the checkpoint: what transformers makes of the folder is saved
in the format of the tokenizers package, so both give equal tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.kit.export import Export, Form
from builders.kit.sources.error import SourceError
from builders.kit.sources.tokenizer import read_tokenizer

FILE = "tokenizer.json"


def tokenizer_file(source: str, form: Form | None = None) -> Export:
    """The export of the file that a tokenising stage reads, under the name ``tokenizer.json``.

    Args:
        source: the component whose checkpoint has the tokenizer.
        form: as in :class:`~builders.kit.export.Export`.
    """
    return Export.file(FILE, source=source, make=write, form=form)


def write(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the tokenizer of a checkpoint's folder, with its padding token and side of truncation.

    Raises:
        SourceError: there is none that the tokenizers package can run, it fills on the left, or it
            has no token to fill with.
    """
    from transformers import AutoTokenizer

    if (checkpoint / FILE).exists():
        # transformers would read it too, and some files end the process that does.
        read_tokenizer(checkpoint / FILE)
    try:
        loaded = AutoTokenizer.from_pretrained(
            checkpoint, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # transformers raises whatever a wrong file leads it to
        said = str(error).strip().partition("\n")[0].rstrip(".")
        raise SourceError(
            f"{checkpoint}: expected a tokenizer that transformers loads, found: {said}. Save it "
            "with transformers' save_pretrained."
        ) from error
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
    made.enable_padding(pad_id=loaded.pad_token_id, pad_token=loaded.pad_token)
    made.enable_truncation(1 << 20, direction=loaded.truncation_side)
    out.write_text(made.to_str(), encoding="utf-8")
    return {
        "tokens": made.get_vocab_size(with_added_tokens=True),
        "tokenizer": type(loaded).__name__,
    }
