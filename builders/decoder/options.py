"""What a profile says about the family ``decoder``; every key is optional.

For example::

    families:
      decoder:
        source: "path:~/models/llava"
        eye: vision
        weights: int4
        slots: 16

or, if another server decodes (:mod:`builders.decoder.remote_options`)::

    families:
      decoder:
        engine: remote
        remote: {url: "http://decoder-predictor/v1", model: models}

or, for TensorRT-LLM in Triton itself (:mod:`builders.decoder.settings`)::

    families:
      decoder:
        engine: llmapi
        llmapi: {model: "path:/weights/llama"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from builders.decoder.remote_options import RemoteOptions
from builders.decoder.settings.legacy import LegacyOptions
from builders.decoder.settings.llmapi import LlmApiOptions
from builders.kit.recipe.profile import Options, refusal

DEMO, DEMO_EYE = "demo:vision", "vision"

MODEL_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"

Weights = Literal["fp32", "int8", "int4"]

Engine = Literal["local", "remote", "llmapi", "tensorrt_llm_engine"]

_LOCAL = {"source", "eye", "weights", "context", "threads", "evaluation"}
_SERVING = {"slots", "waiting", "max_tokens"}

WITHOUT_EFFECT: Mapping[Engine, set[str]] = {
    "local": set(),
    "remote": _LOCAL,
    "llmapi": _LOCAL | _SERVING,
    "tensorrt_llm_engine": {"eye", "weights", "threads", "evaluation"},
}
"""Engine -> the options that it does not have."""

OF_ENGINES: Mapping[Engine, str] = {
    "remote": 'remote: {url: "http://decoder/v1", model: NAME}',
    "llmapi": 'llmapi: {model: "path:/weights/model"}',
    "tensorrt_llm_engine": 'tensorrt_llm_engine: {checkpoint: "path:/weights/model", engine: '
    '"path:/engines/model"}',
}
"""Engines that have a key of their own, and what to write there."""


class DecoderOptions(Options):
    """The keys below ``families.decoder``.

    Attributes:
        engine: who decodes: ``local``, this repository's Triton; ``remote``, another server;
            ``llmapi``, TensorRT-LLM by the model that its Triton image has; or
            ``tensorrt_llm_engine``, an engine that its last release compiles.
        remote: where the other server is, and how long it may take.
        llmapi: what TensorRT-LLM serves, and how.
        tensorrt_llm_engine: likewise.
        source: the checkpoint: a decoder, or a model that sees, whose language model is taken.
        eye: the pipeline that makes embeddings of images, as ``vision``, in the same repository.
            Without one, images are given as embeddings, or not at all. The shipped checkpoint has
            one.
        weights: what matrices' weights are kept as. Activations and the cache are FP32.
        slots: requests that are answered at once. If this Triton decodes, each has a cache of
            ``context`` tokens, whose memory is taken at the start.
        context: tokens of a prompt and its answer; by default as many as the checkpoint was made
            for, and 4096 at most.
        waiting: requests that may wait for a slot; a further one is answered with UNAVAILABLE.
        max_tokens: of an answer, where a request does not say.
        threads: that compute; 0 for as many as there are cores.
        evaluation: ``path:`` of a folder with ``scenes.json`` and its images, to score the model
            on: see :mod:`builders.scenes`. Without it, a checkpoint other than the shipped one is
            scored on nothing.
    """

    engine: Engine = "local"
    remote: RemoteOptions | None = None
    llmapi: LlmApiOptions | None = None
    tensorrt_llm_engine: LegacyOptions | None = None
    source: str = DEMO
    eye: str | None = Field(default=None, pattern=f"^{MODEL_NAME}$")
    weights: Weights = "fp32"
    slots: int = Field(default=8, ge=1, le=256)
    context: int | None = Field(default=None, ge=16, le=1 << 20)
    waiting: int = Field(default=64, ge=0, le=1 << 16)
    max_tokens: int = Field(default=256, ge=1, le=1 << 20)
    threads: int = Field(default=0, ge=0, le=1024)
    evaluation: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _demo_sees(cls, value: object) -> object:
        if not isinstance(value, dict) or value.get("engine", "local") != "local":
            return value
        return value if {"source", "eye"} & value.keys() else {**value, "eye": DEMO_EYE}

    @model_validator(mode="after")
    def _one_engine(self) -> DecoderOptions:
        for engine, written in OF_ENGINES.items():
            there = getattr(self, engine) is not None
            if there and engine != self.engine:
                raise refusal(
                    f"no key {engine}, as engine is {self.engine}",
                    f"Write engine: {engine}, or leave {engine} out.",
                    found=engine,
                )
            if not there and engine == self.engine:
                raise refusal(
                    f"a key {engine}, which says what that engine needs to know",
                    f"Write {written}.",
                    found=f"engine: {engine} alone",
                )
        without_effect = sorted(self.model_fields_set & WITHOUT_EFFECT[self.engine])
        if without_effect:
            raise refusal(
                f"only options that the engine {self.engine} has",
                f"Leave {', '.join(without_effect)} out.",
                found=", ".join(without_effect),
            )
        if self.engine == "tensorrt_llm_engine" and "source" not in self.model_fields_set:
            raise refusal(
                "a source, whose tokenizer and template are read here",
                'Write source: "path:…", a folder of the same checkpoint.',
                found="none",
            )
        return self
