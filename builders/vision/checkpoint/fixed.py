"""Eyes that take images of one size: LLaVA with CLIP's or SigLIP's tower, and those alone."""

from __future__ import annotations

from builders.kit.sources.values import Values
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Eye, Pooling, Tower
from builders.vision.checkpoint.tower import CLIP, SIGLIP, TOWERS, read_tower

_PART = "vision_config"


def _llava(folder: Folder) -> Eye:
    config, vision = folder.config, folder.part(_PART)
    tower = llava_tower(folder, vision)
    layers = feature_layers(config, tower.layers)
    config.only({"vision_feature_select_strategy": ("default", "full")})
    strategy = str(config.content.get("vision_feature_select_strategy") or "default")
    hidden = projector_width(folder, tower.hidden * len(layers))
    pooling, pooled = pooling_of(folder, vision, tower)
    return Eye(
        path=folder.path,
        architecture="LlavaForConditionalGeneration",
        kind="fixed",
        tower=tower,
        feature_layers=layers,
        strategy=strategy,
        tokens=tower.positions - (strategy == "default"),
        hidden=hidden,
        pooled=pooled,
        pooling=pooling,
        text=False,
        interpolates=_interpolates(config, vision),
    )


def llava_tower(folder: Folder, vision: Values) -> Tower:
    """The tower of a LLaVA; one of another kind is noted, with the reason."""
    # The tower of a LLaVA that names none is CLIP's ViT-L/14 at 336 pixels.
    kind = str(vision.content.get("model_type") or "clip_vision_model")
    if kind not in TOWERS:
        reasons = {
            "pixtral": "the exported graph of Pixtral's tower takes one size of image only",
            "siglip2_vision_model": "transformers cannot run SigLIP 2 NaFlex in a LLaVA; SigLIP 2 "
            "of one size is siglip_vision_model",
        }
        reason = next((f": {why}" for name, why in reasons.items() if name in kind), "")
        vision.refuse("model_type", f"{' or '.join(TOWERS)}{reason}")
        kind = "clip_vision_model"
    if not vision.content:
        vision = Values(vision.file, _VIT_L, vision.wrong)
    return read_tower(folder, vision, kind, TOWERS[kind])


_VIT_L = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}


def feature_layers(config: Values, layers: int) -> tuple[int, ...]:
    """``vision_feature_layer`` as a list: which of the hidden states 0 to ``layers`` are taken."""
    given = config.content.get("vision_feature_layer")
    if given is None:
        return (-2,)
    found = given if isinstance(given, list) else [given]
    if found and all(type(each) is int and -layers - 1 <= each <= layers for each in found):
        return tuple(found)
    config.refuse(
        "vision_feature_layer", f"a number from {-layers - 1} to {layers}, or a list of such"
    )
    return (-1,)


def projector_width(folder: Folder, features: int) -> int:
    """The width of what LLaVA's projector gives, by its weights; mistakes are noted."""
    config, headers = folder.config, folder.headers
    ends = {part: f"multi_modal_projector.linear_{part}" for part in (1, 2)}
    missing = [end for end in ends.values() if headers.seen(f"{end}.weight") is None]
    if missing:
        config.wrong.append(
            f"no weights of the projector (*{missing[0]}.weight); LLaVA's original format has them "
            "in a file of their own, and transformers' script converts it"
        )
        return 1
    shape = headers.seen(f"{ends[2]}.weight") or ()
    width = shape[0] if shape else 1
    expected: dict[str, tuple[int, ...]] = {
        f"{ends[1]}.weight": (width, features),
        f"{ends[2]}.weight": (width, width),
    }
    if config.content.get("multimodal_projector_bias") is not False:
        expected |= {f"{end}.bias": (width,) for end in ends.values()}
    folder.note(expected)
    text = folder.part("text_config")
    if text.whole("hidden_size", width, 1) != width:
        text.refuse("hidden_size", f"{width}, which the projector's weights have")
    return width


def pooling_of(folder: Folder, vision: Values, tower: Tower) -> tuple[Pooling, int]:
    """What ``pooled`` is of a tower without a projection, and its width."""
    if tower.class_token:
        return "class token", tower.hidden
    vision.only({"vision_use_head": (True, False)})
    if vision.content.get("vision_use_head") is False:
        return "mean", tower.hidden
    folder.note({"head.probe": (1, 1, tower.hidden)})
    return "head", tower.hidden


def _interpolates(*values: Values) -> bool:
    return any(each.content.get("interpolate_pos_encoding") is True for each in values)


def _alone(folder: Folder, vision: Values, name: str) -> Eye:
    """A tower without a projector into a language model."""
    projected = name in ("CLIPModel", "CLIPVisionModelWithProjection")
    clip = name.startswith("CLIP")
    model_type = "clip_vision_model" if clip else "siglip_vision_model"
    tower = read_tower(folder, vision, model_type, CLIP if clip else SIGLIP)
    pooling, pooled = pooling_of(folder, vision, tower)
    if projected:
        holder = folder.config if name == "CLIPModel" else vision
        pooling, pooled = "projection", holder.whole("projection_dim", 512, 1)
        folder.note({"visual_projection.weight": (pooled, tower.hidden)})
    return Eye(
        path=folder.path,
        architecture=name,
        kind="fixed",
        tower=tower,
        feature_layers=(),
        strategy="full",
        tokens=0,
        hidden=0,
        pooled=pooled,
        pooling=pooling,
        text=name in ("CLIPModel", "SiglipModel"),
        interpolates=_interpolates(folder.config, vision),
    )


def _clip(folder: Folder) -> Eye:
    # An old key; where it stands, transformers takes nothing from the other one.
    old = "vision_config_dict"
    return _alone(folder, folder.part(old if old in folder.config.content else _PART), "CLIPModel")


def _siglip(folder: Folder) -> Eye:
    return _alone(folder, folder.part(_PART), "SiglipModel")


def _tower_alone(name: str) -> Architecture:
    kind = CLIP if name.startswith("CLIP") else SIGLIP
    return Architecture(
        f"{kind.name}'s tower",
        "clip_vision_model" if kind is CLIP else "siglip_vision_model",
        name,
        lambda folder: _alone(folder, folder.config, name),
    )


ARCHITECTURES = (
    Architecture("LLaVA", "llava", "LlavaForConditionalGeneration", _llava),
    Architecture("CLIP", "clip", "CLIPModel", _clip),
    Architecture("SigLIP", "siglip", "SiglipModel", _siglip),
    _tower_alone("CLIPVisionModel"),
    _tower_alone("CLIPVisionModelWithProjection"),
    _tower_alone("SiglipVisionModel"),
)
