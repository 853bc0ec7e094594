"""Tiny checkpoints of random weights, one for each way in which a real one may be made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from builders.asr.supported import PARAKEET, WHISPER, Architecture
from builders.kit.sources import resolve
from training.asr.whisper.random import LIKELIER
from training.asr.whisper.tiny_tokenizer import LANGUAGES, make_tokenizer, save_tokenizer

WORDS = ("stop", "fünf", "north", "weiß", "seven")
TOKENS = 40
"""Behind the prompt of each of Whisper's windows: the random model would go on to 448."""


@dataclass(frozen=True, eq=False)
class Variant:
    """One checkpoint.

    Attributes:
        architecture: what it is.
        name: its row in the table.
        settings: of the model's configuration.
        generation: of Whisper's generation configuration.
        extractor: of the feature extractor.
        dtype: of its weights.
        shards: whether they are in several files.
        files: changes the folder once it is written.
    """

    architecture: Architecture
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)
    extractor: Mapping[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32
    shards: bool = False
    files: Callable[[Path], None] | None = None

    def __str__(self) -> str:
        return f"{self.architecture.name}, {self.name}"

    def write(self, folder: Path) -> None:
        """The checkpoint as transformers saves it; equal variants give equal ones."""
        torch.manual_seed(5)
        make = {PARAKEET: _parakeet, WHISPER: _whisper}[self.architecture]
        model = make(self, folder)
        size = {"max_shard_size": "20KB"} if self.shards else {}
        model.to(self.dtype).save_pretrained(folder, **size)
        if self.files is not None:
            self.files(folder)


def _spread(model: Any) -> None:
    """Let weights be large enough for what is heard to decide what is said."""
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if "running_var" in name:
                value.uniform_(0.5, 2)
            elif value.dim() > 1 and "embed_positions" not in name:
                value.normal_(0, 1.5 / value[0].numel() ** 0.5)
            elif "bias" in name or "running_mean" in name:
                value.normal_(0, 0.1)


def _parakeet(variant: Variant, folder: Path) -> Any:
    from transformers import (
        ParakeetCTCConfig,
        ParakeetEncoderConfig,
        ParakeetFeatureExtractor,
        ParakeetForCTC,
    )

    demo = resolve("demo:parakeet").path
    shutil.copytree(demo, folder, ignore=shutil.ignore_patterns("*.safetensors", "SHA256SUMS"))
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "conv_kernel_size": 9,
        "subsampling_conv_channels": 8,
        **variant.settings,
    }
    encoder = ParakeetEncoderConfig(**sizes)
    extractor = {"feature_size": encoder.num_mel_bins, **variant.extractor}
    (folder / "processor_config.json").unlink()
    ParakeetFeatureExtractor(**extractor).save_pretrained(folder)
    tokens = json.loads((demo / "config.json").read_bytes())["vocab_size"]
    model = ParakeetForCTC(
        ParakeetCTCConfig(
            vocab_size=tokens, encoder_config=encoder.to_dict(), pad_token_id=tokens - 1
        )
    )
    _spread(model)
    return model


def _whisper(variant: Variant, folder: Path) -> Any:
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    folder.mkdir(parents=True)
    tokenizer = make_tokenizer(WORDS)
    save_tokenizer(tokenizer, folder)
    ids = tokenizer.convert_tokens_to_ids
    end, last = ids("<|endoftext|>"), ids("<|notimestamps|>")
    sizes = {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        **variant.settings,
    }
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        decoder_start_token_id=ids("<|startoftranscript|>"),
        begin_suppress_tokens=None,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        **sizes,
    )
    model = WhisperForConditionalGeneration(config)
    _spread(model)
    decoder = model.model.decoder
    with torch.no_grad():
        # A time stamp where the rules demand one, and seldom elsewhere: the last of a window
        # decides where the next begins, and 0.00 s would make it begin where it is.
        decoder.layer_norm.bias.fill_(LIKELIER)
        for head in (decoder.embed_tokens, model.proj_out):
            head.weight[last + 1 :] = head.weight[last + 1 :] * 0.3 - LIKELIER
    many = {
        "is_multilingual": True,
        "lang_to_id": {f"<|{code}|>": ids(f"<|{code}|>") for code in LANGUAGES},
        "task_to_id": {name: ids(f"<|{name}|>") for name in ("transcribe", "translate")},
    }
    generation = {
        "decoder_start_token_id": config.decoder_start_token_id,
        "max_new_tokens": TOKENS,
        "no_timestamps_token_id": last,
        "max_initial_timestamp_index": 50,
        "suppress_tokens": [end, *(ids(name) for name in ("<|startoflm|>", "<|nospeech|>"))],
        "begin_suppress_tokens": [ids("Ġ"), end],
        "alignment_heads": [[config.decoder_layers - 1, 0], [0, 1]],
        "return_timestamps": False,
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        **many,
        **variant.generation,
    }
    kept = {name: value for name, value in generation.items() if value is not ABSENT}
    model.generation_config = GenerationConfig(**kept)
    WhisperFeatureExtractor(feature_size=config.num_mel_bins).save_pretrained(folder)
    return model


ABSENT = object()
"""A setting that is left out."""


def _vocabulary_and_merges(folder: Path) -> None:
    """The tokenizer in the files of before transformers 4."""
    file = folder / "tokenizer.json"
    content = json.loads(file.read_bytes())
    texts = content["model"]["vocab"]
    added = {each["content"]: each["id"] for each in content["added_tokens"]}
    merges = [" ".join(pair) for pair in content["model"]["merges"]]
    (folder / "vocab.json").write_text(json.dumps(texts, ensure_ascii=False), "utf-8")
    (folder / "added_tokens.json").write_text(json.dumps(added), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf-8")
    file.unlink()


def _settings_in_the_processor(folder: Path) -> None:
    """The feature extractor's settings where transformers 5 writes them."""
    file = folder / "preprocessor_config.json"
    content = {"feature_extractor": json.loads(file.read_bytes())}
    (folder / "processor_config.json").write_text(json.dumps(content), "utf-8")
    file.unlink()


def _end_in_a_list(folder: Path) -> None:
    content = json.loads((folder / "generation_config.json").read_bytes())
    _edit(folder, "generation_config.json", {"eos_token_id": [content["eos_token_id"]]})


def _without_generation(folder: Path) -> None:
    (folder / "generation_config.json").unlink()


ENGLISH = {"is_multilingual": False, "lang_to_id": ABSENT, "task_to_id": ABSENT}


def _edit(folder: Path, name: str, changes: Mapping[str, Any]) -> None:
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_bytes()) | dict(changes)), "utf-8")


def _edit_encoder(folder: Path, changes: Mapping[str, Any]) -> None:
    content = json.loads((folder / "config.json").read_bytes())
    _edit(folder, "config.json", {"encoder_config": content["encoder_config"] | dict(changes)})


def _of_another_kind(kind: str) -> Variant:
    """A checkpoint that says it is of an architecture that is not served."""

    def change(folder: Path) -> None:
        _edit(folder, "config.json", {"model_type": kind, "architectures": ["Other"]})

    return Variant(PARAKEET, f"but model_type {kind}", files=change)


VARIANTS = (
    Variant(WHISPER, "multilingual, 80 mels, tied"),
    Variant(WHISPER, "128 mels", {"num_mel_bins": 128}),
    Variant(WHISPER, "English-only", generation=ENGLISH),
    Variant(WHISPER, "untied", {"tie_word_embeddings": False}),
    Variant(WHISPER, "sharded, fp16 weights", shards=True, dtype=torch.float16),
    Variant(WHISPER, "bf16 weights", dtype=torch.bfloat16),
    Variant(WHISPER, "vocab.json and merges.txt", files=_vocabulary_and_merges),
    Variant(
        WHISPER,
        "fewer decoder layers, other heads, ReLU",
        {
            "encoder_layers": 3,
            "decoder_layers": 1,
            "decoder_attention_heads": 2,
            "decoder_ffn_dim": 40,
            "activation_function": "relu",
        },
        {"alignment_heads": None},
        files=_end_in_a_list,
    ),
    Variant(
        WHISPER,
        "a language and a task of its own, suppress_tokens [-1]",
        generation={"language": "de", "task": "translate", "suppress_tokens": [-1]},
        files=_settings_in_the_processor,
    ),
    Variant(PARAKEET, "80 mels"),
    Variant(
        PARAKEET,
        "128 mels, no biases",
        {
            "num_mel_bins": 128,
            "attention_bias": False,
            "convolution_bias": False,
            "scale_input": False,
        },
    ),
    Variant(PARAKEET, "grouped heads", {"num_key_value_heads": 2}),
    Variant(
        PARAKEET,
        "a quarter of the frames, kernel 31",
        {"subsampling_factor": 4, "conv_kernel_size": 31},
    ),
    Variant(
        PARAKEET,
        "stride 4, kernel 5, GELU",
        {
            "subsampling_factor": 4,
            "subsampling_conv_stride": 4,
            "subsampling_conv_kernel_size": 5,
            "hidden_act": "gelu",
        },
    ),
    Variant(PARAKEET, "sharded, fp16 weights", shards=True, dtype=torch.float16),
    Variant(
        PARAKEET,
        "bf16 weights, no generation configuration",
        dtype=torch.bfloat16,
        files=_without_generation,
    ),
    Variant(
        PARAKEET,
        "another hop and transform, no pre-emphasis",
        extractor={"hop_length": 128, "n_fft": 400, "win_length": 320, "preemphasis": None},
        files=_settings_in_the_processor,
    ),
)


REFUSED = (
    Variant(WHISPER, "no generation configuration", files=_without_generation),
    Variant(
        WHISPER,
        "beams and a penalty for repetition",
        generation={"num_beams": 5, "repetition_penalty": 1.2, "length_penalty": 2.0},
    ),
    Variant(
        WHISPER,
        "max_length below the positions",
        generation={"max_new_tokens": ABSENT, "max_length": 225},
    ),
    Variant(
        PARAKEET,
        "heads that no group divides, an even kernel",
        files=lambda folder: _edit_encoder(
            folder, {"num_key_value_heads": 3, "conv_kernel_size": 8}
        ),
    ),
    *map(_of_another_kind, ("parakeet_tdt", "parakeet_rnnt", "canary", "wav2vec2", "moonshine")),
)
