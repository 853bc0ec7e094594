"""The vision towers that eyes are made of: CLIP's and SigLIP's, which take images of one size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builders.kit.sources.values import Values
from builders.vision.checkpoint.architecture import Folder
from builders.vision.checkpoint.eye import Tower


@dataclass(frozen=True)
class TowerKind:
    """What transformers has for a tower where config.json leaves it out.

    Attributes:
        name: as people call it.
        hidden, layers, heads, side, patch: as config.json's own keys.
        class_token: whether it has one.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    side: int
    patch: int
    class_token: bool


CLIP = TowerKind("CLIP", 768, 12, 12, 224, 32, class_token=True)
SIGLIP = TowerKind("SigLIP", 768, 12, 12, 224, 16, class_token=False)
TOWERS: Mapping[str, TowerKind] = {"clip_vision_model": CLIP, "siglip_vision_model": SIGLIP}
"""By the tower's ``model_type``."""


def read_tower(folder: Folder, values: Values, model_type: str, kind: TowerKind) -> Tower:
    """A tower of one size, as its config and its weights' headers say; mistakes are noted.

    Args:
        folder: the checkpoint's.
        values: the tower's config.
        model_type: the tower's.
        kind: what it has by default.
    """
    hidden = values.whole("hidden_size", kind.hidden, 1)
    layers = values.whole("num_hidden_layers", kind.layers, 1)
    if hidden % values.whole("num_attention_heads", kind.heads, 1):
        values.refuse("num_attention_heads", f"a divisor of {hidden}, the hidden_size")
    side = values.whole("image_size", kind.side, 1)
    patch = values.whole("patch_size", kind.patch, 1, side)
    values.only({"num_channels": (3,)})
    positions = (side // patch) ** 2 + kind.class_token
    folder.note(
        {
            "embeddings.patch_embedding.weight": (hidden, 3, patch, patch),
            "embeddings.position_embedding.weight": (positions, hidden),
            f"encoder.layers.{layers - 1}.layer_norm1.weight": (hidden,),
            "post_layernorm.weight": (hidden,),
        }
    )
    return Tower(model_type, hidden, layers, patch, side, positions, kind.class_token)
