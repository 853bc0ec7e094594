"""Eyes that take patches of any aspect ratio: SigLIP 2 of the NaFlex kind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from builders.kit.family import Export
from builders.kit.sources.values import Values
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Eye, Pooling, Tower
from builders.vision.checkpoint.fixed import pooling_of
from builders.vision.checkpoint.processor.read import read_processor
from builders.vision.stages.preprocess_naflex import PROCESSOR_FILE

MODEL_TYPE = "siglip2_vision_model"


def _siglip2(name: str, folder: Folder, vision: Values) -> Eye:
    hidden = vision.whole("hidden_size", 768, 1)
    layers = vision.whole("num_hidden_layers", 12, 1)
    if hidden % vision.whole("num_attention_heads", 12, 1):
        vision.refuse("num_attention_heads", f"a divisor of {hidden}, the hidden_size")
    patch = vision.whole("patch_size", 16, 1)
    positions = vision.whole("num_patches", 256, 1)
    if math.isqrt(positions) ** 2 != positions:
        vision.refuse("num_patches", "a square number, as position embeddings lie in a square")
    vision.only({"num_channels": (3,)})
    folder.note(
        {
            "embeddings.patch_embedding.weight": (hidden, 3 * patch * patch),
            "embeddings.position_embedding.weight": (positions, hidden),
            f"encoder.layers.{layers - 1}.layer_norm1.weight": (hidden,),
            "post_layernorm.weight": (hidden,),
        }
    )
    tower = Tower(
        model_type=MODEL_TYPE,
        hidden=hidden,
        layers=layers,
        patch=patch,
        side=math.isqrt(positions) * patch,
        positions=positions,
        class_token=False,
    )
    pooling: Pooling
    pooling, pooled = pooling_of(folder, vision, tower)
    return Eye(
        path=folder.path,
        architecture=name,
        kind="naflex",
        tower=tower,
        feature_layers=(),
        strategy="full",
        tokens=0,
        hidden=0,
        pooled=pooled,
        pooling=pooling,
        text=name == "Siglip2Model",
    )


ARCHITECTURES = (
    Architecture(
        "SigLIP 2 NaFlex",
        "siglip2",
        "Siglip2Model",
        lambda folder: _siglip2("Siglip2Model", folder, folder.part("vision_config")),
    ),
    Architecture(
        "SigLIP 2 NaFlex's tower",
        MODEL_TYPE,
        "Siglip2VisionModel",
        lambda folder: _siglip2("Siglip2VisionModel", folder, folder.config),
    ),
)


def make_processor(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the settings for the stage, with the side of the tower's position embeddings.

    Raises:
        SourceError: as :func:`read_processor`.
    """
    from builders.vision.checkpoint.read import read_eye

    tower = read_eye(checkpoint).tower
    found = read_processor(checkpoint, ("naflex",))
    settings = {**found.settings, "side": math.isqrt(tower.positions)}
    out.write_text(json.dumps(settings, sort_keys=True), "utf-8")
    return {"image_processor": found.name}


PROCESSOR = Export.file(PROCESSOR_FILE, source="vision", make=make_processor, form=read_processor)
