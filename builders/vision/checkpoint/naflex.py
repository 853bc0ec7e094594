"""Eyes that take patches of any aspect ratio: SigLIP 2 of the NaFlex kind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.family import Export
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.values import Values, refuse_all
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Eye, Pooling, Tower
from builders.vision.checkpoint.fixed import pooling_of

MODEL_TYPE = "siglip2_vision_model"

_DEFAULTS: Mapping[str, object] = {
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "patch_size": 16,
    "max_num_patches": 256,
}
"""Of transformers' Siglip2ImageProcessor."""


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


def read_processor(path: Path) -> dict[str, Any]:
    """The image processor's settings, those of its class where they are left out.

    Raises:
        SourceError: there are none, or such that are not served; all of what is wrong is told.
    """
    name = "preprocessor_config.json"
    if (path / name).is_file():
        content: Any = read_settings(path / name)
    elif (path / "processor_config.json").is_file():
        name = "processor_config.json"
        content = read_settings(path / name).get("image_processor")
    else:
        content = None
    if not isinstance(content, dict):
        raise SourceError(
            f"{path}: expected an image processor in preprocessor_config.json, found none. Save it "
            "with transformers' save_pretrained."
        )
    wrong: list[str] = []
    values = Values(name, content, wrong)
    flags = (True, False)
    values.only(
        {
            "do_resize": (True,),
            "do_rescale": flags,
            "do_normalize": flags,
            "do_convert_rgb": flags,
            "resample": tuple(range(6)),
        }
    )
    patches = values.whole("max_num_patches", 256, 1, 1 << 16)
    patch = values.whole("patch_size", 16, 1, 1 << 10)
    for key in ("image_mean", "image_std"):
        given = content.get(key)
        if given is not None and not (
            isinstance(given, list)
            and len(given) == 3
            and all(type(each) in (int, float) for each in given)
        ):
            values.refuse(key, "three numbers")
    if content.get("image_std") is not None and 0 in content["image_std"]:
        values.refuse("image_std", "three numbers other than 0")
    factor = values.number("rescale_factor", 1 / 255)
    refuse_all(path, "settings of a Siglip2ImageProcessor that are served", wrong)
    given = {key: content[key] for key in _DEFAULTS if content.get(key) is not None}
    return {
        **_DEFAULTS,
        **given,
        "patch_size": patch,
        "max_num_patches": patches,
        "rescale_factor": factor,
    }


def make_processor(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the settings for the stage, with the side of the tower's position embeddings.

    Raises:
        SourceError: as :func:`read_processor`.
    """
    from builders.vision.checkpoint.read import read_eye

    tower = read_eye(checkpoint).tower
    settings = {**read_processor(checkpoint), "side": math.isqrt(tower.positions)}
    out.write_text(json.dumps(settings, sort_keys=True), "utf-8")
    return {"max_num_patches": settings["max_num_patches"]}


PROCESSOR = Export.file("naflex.json", source="vision", make=make_processor, form=read_processor)
