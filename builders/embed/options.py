"""What a profile says about the family ``embed``; every key is optional.

For example::

    families:
      embed:
        source: "path:~/models/multilingual-e5-small"
        maximum_texts: 32
"""

from __future__ import annotations

from pydantic import Field

from builders.embed.default import DEFAULT, MAXIMUM_TEXTS
from builders.kit.recipe.profile import Options


class EmbedOptions(Options):
    """The keys below ``families.embed``.

    Attributes:
        source: the checkpoint, a folder in the format of sentence-transformers or of transformers.
        maximum_texts: of a request, and of one call of the model.
    """

    source: str = DEFAULT
    maximum_texts: int = Field(default=MAXIMUM_TEXTS, ge=1, le=4096)
