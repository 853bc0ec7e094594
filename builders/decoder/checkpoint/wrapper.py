"""The models that see, whose language model is taken out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from builders.decoder.checkpoint.architecture import Folder
from builders.decoder.checkpoint.decoder import Images


@dataclass(frozen=True)
class Wrapper:
    """A class of transformers that has a causal language model in it.

    Attributes:
        name: as people call it.
        model_type: in config.json.
        model_class: the class.
        text: the ``model_type`` of a language model that config.json does not name.
        image_token: the token of an image's rows that config.json does not name.
        rows: how many an image has; None if images differ.
    """

    name: str
    model_type: str
    model_class: str
    text: str
    image_token: int
    rows: Callable[[Folder], int | None] = lambda folder: None

    def __str__(self) -> str:
        return f"{self.name} ({self.model_class})"

    def images(self, folder: Folder, vocabulary: Mapping[str, int], vocab: int) -> Images | None:
        """How images stand in a prompt; what is wrong is noted.

        Args:
            folder: the checkpoint's.
            vocabulary: the tokenizer's tokens.
            vocab: how many tokens the decoder knows.
        """
        config = folder.config
        key = "image_token_id" if "image_token_id" in config.content else "image_token_index"
        token = config.whole(key, self.image_token, 0)
        texts = [text for text, each in vocabulary.items() if each == token]
        if not texts or token >= vocab:
            config.refuse(key, "a token that the tokenizer and the language model know")
            return None
        return Images(token, texts[-1], self.rows(folder))


_TOWERS = ("clip_vision_model", "siglip_vision_model")
"""Towers that see images of one size."""


def _llava_rows(folder: Folder) -> int | None:
    """One for each patch, and one for the class token of a tower whose features are all taken."""
    vision = folder.part("vision_config")
    if vision.content.get("model_type", "clip_vision_model") not in _TOWERS:
        return None
    clip = vision.content.get("model_type", "clip_vision_model") == "clip_vision_model"
    side = vision.whole("image_size", 336 if clip and not vision.content else 224, 1)
    patch = vision.whole("patch_size", 14 if clip and not vision.content else 32 if clip else 16, 1)
    whole = folder.config.content.get("vision_feature_select_strategy") == "full"
    return (side // patch) ** 2 + (clip and whole)


WRAPPERS: tuple[Wrapper, ...] = (
    Wrapper("LLaVA", "llava", "LlavaForConditionalGeneration", "llama", 32000, _llava_rows),
    Wrapper("LLaVA-NeXT", "llava_next", "LlavaNextForConditionalGeneration", "llama", 32000),
    Wrapper(
        "LLaVA-OneVision",
        "llava_onevision",
        "LlavaOnevisionForConditionalGeneration",
        "qwen2",
        151646,
    ),
    Wrapper("InternVL", "internvl", "InternVLForConditionalGeneration", "qwen2", 151667),
    Wrapper("Mistral 3", "mistral3", "Mistral3ForConditionalGeneration", "mistral", 10),
    Wrapper("Idefics3", "idefics3", "Idefics3ForConditionalGeneration", "llama", 128257),
    Wrapper("SmolVLM", "smolvlm", "SmolVLMForConditionalGeneration", "llama", 128257),
)

BY_TYPE: Mapping[str, Wrapper] = {each.model_type: each for each in WRAPPERS}
"""By ``model_type``."""
