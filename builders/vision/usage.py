"""How the vision pipelines are asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping

from repository.usage import Usage

USAGE: Mapping[str, Usage] = {
    "vision": Usage(words="Turn an image into embeddings.", file="image"),
}
