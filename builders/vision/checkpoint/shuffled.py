"""Eyes that see an image in tiles and squeeze the features of each: InternVL, Idefics3, SmolVLM."""

from __future__ import annotations

from functools import partial

from builders.kit.sources.values import Values
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Tower
from builders.vision.checkpoint.fixed import feature_layers
from builders.vision.checkpoint.tiled_eye import TiledEye


def _internvl(folder: Folder) -> TiledEye:
    config, vision = folder.config, folder.part("vision_config")
    tower = _internvl_tower(folder, vision)
    config.only({"vision_feature_select_strategy": ("default",)})
    layers: tuple[int, ...] = (-1,)
    if config.content.get("vision_feature_layer") is not None:
        layers = feature_layers(config, tower.layers)
        if not isinstance(config.content["vision_feature_layer"], int):
            config.refuse("vision_feature_layer", "one number")
    ratio = config.number("downsample_ratio", 0.5) or 1.0
    patches = tower.side // tower.patch
    # Of a ratio next to nothing the inverse is infinite, which has no whole number.
    squeeze = round(1 / ratio) if ratio * patches >= 0.5 else 0
    if squeeze < 1 or squeeze * ratio != 1 or patches % squeeze:
        config.refuse("downsample_ratio", f"one divided by a divisor of {patches}")
        squeeze = 1
    width = tower.hidden * squeeze**2
    hidden = _rows(folder, "multi_modal_projector.linear_2.weight")
    folder.note(
        {
            "multi_modal_projector.layer_norm.weight": (width,),
            "multi_modal_projector.linear_1.weight": (hidden, width),
            "multi_modal_projector.linear_2.weight": (hidden, hidden),
        }
    )
    return TiledEye(
        path=folder.path,
        architecture="InternVLForConditionalGeneration",
        kind="tiled",
        tower=tower,
        feature_layers=layers,
        strategy="default",
        tokens=(patches // squeeze) ** 2,
        hidden=hidden,
        pooled=tower.hidden,
        pooling="mean",
        text=False,
        features=(patches // squeeze) ** 2,
        width=width,
        squeeze=squeeze,
        whole="last",
    )


def _internvl_tower(folder: Folder, vision: Values) -> Tower:
    hidden = vision.whole("hidden_size", 1024, 1)
    layers = vision.whole("num_hidden_layers", 24, 1)
    if hidden % vision.whole("num_attention_heads", 16, 1):
        vision.refuse("num_attention_heads", f"a divisor of {hidden}, the hidden_size")
    side, patch = _square(vision, "image_size", 448), _square(vision, "patch_size", 14)
    if side < patch:
        vision.refuse("patch_size", f"at most {side}, the image_size")
        side = patch
    vision.only({"num_channels": (3,), "norm_type": ("layer_norm", "rms_norm")})
    positions = (side // patch) ** 2 + 1
    expected: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, hidden),
        "embeddings.patch_embeddings.projection.weight": (hidden, 3, patch, patch),
        f"encoder.layer.{layers - 1}.lambda_1": (hidden,),
    }
    if vision.content.get("use_absolute_position_embeddings") is not False:
        expected["embeddings.position_embeddings"] = (1, positions, hidden)
    folder.note(expected)
    return Tower("internvl_vision", hidden, layers, patch, side, positions, True)


def _square(values: Values, name: str, usual: int) -> int:
    """A side that config.json gives as a number, or as a height and an equal width."""
    given = values.content.get(name)
    if isinstance(given, list):
        if len(given) == 2 and given[0] == given[1] and type(given[0]) is int and given[0] > 0:
            return given[0]
        values.refuse(name, "a height and a width that are equal")
        return usual
    return values.whole(name, usual, 1)


def _idefics(name: str, folder: Folder) -> TiledEye:
    config, vision = folder.config, folder.part("vision_config")
    tower = _idefics_tower(folder, vision)
    patches = tower.side // tower.patch
    squeeze = config.whole("scale_factor", 2, 1, patches)
    if patches % squeeze:
        config.refuse("scale_factor", f"a divisor of {patches}, the patches of a tile's side")
    hidden = _rows(folder, "connector.modality_projection.proj.weight")
    width = tower.hidden * squeeze**2
    folder.note({"connector.modality_projection.proj.weight": (hidden, width)})
    return TiledEye(
        path=folder.path,
        architecture=f"{name}ForConditionalGeneration",
        kind="tiled",
        tower=tower,
        feature_layers=(),
        strategy="full",
        tokens=(patches // squeeze) ** 2,
        hidden=hidden,
        pooled=tower.hidden,
        pooling="mean",
        text=False,
        features=patches**2,
        width=tower.hidden,
        squeeze=squeeze,
        whole="last",
    )


def _idefics_tower(folder: Folder, vision: Values) -> Tower:
    hidden = vision.whole("hidden_size", 1152, 1)
    layers = vision.whole("num_hidden_layers", 12, 1)
    if hidden % vision.whole("num_attention_heads", 16, 1):
        vision.refuse("num_attention_heads", f"a divisor of {hidden}, the hidden_size")
    side = vision.whole("image_size", 224, 1)
    patch = vision.whole("patch_size", 32, 1, side)
    vision.only({"num_channels": (3,)})
    positions = (side // patch) ** 2
    folder.note(
        {
            "embeddings.patch_embedding.weight": (hidden, 3, patch, patch),
            "embeddings.position_embedding.weight": (positions, hidden),
            f"encoder.layers.{layers - 1}.layer_norm1.weight": (hidden,),
            "post_layernorm.weight": (hidden,),
        }
    )
    return Tower("idefics3_vision", hidden, layers, patch, side, positions, False)


def _rows(folder: Folder, weights: str) -> int:
    """How many rows a matrix has: the width of what it gives."""
    shape = folder.headers.seen(weights)
    return shape[0] if shape else 1


ARCHITECTURES = (
    Architecture("InternVL", "internvl", "InternVLForConditionalGeneration", _internvl),
    *(
        Architecture(name, name.lower(), f"{name}ForConditionalGeneration", partial(_idefics, name))
        for name in ("Idefics3", "SmolVLM")
    ),
)
