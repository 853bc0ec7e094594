"""llama.cpp decodes prompts together: ``python -m perf.against.llamacpp.worker``.

All prompts go into one batch of one context, a sequence each, and then a token of each into every
further one, as llama.cpp's own server does it. Runs in llama.cpp's environment.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import llama_cpp as llama
import numpy as np

from perf.against.rivals.answering import Decode, serve

BATCH = 4096
"""Tokens of a batch; llama.cpp computes 512 of them at a time."""


def prepare(settings: Any) -> tuple[str, Decode]:
    """Loads a model.

    Args:
        settings: ``model``, a GGUF file; ``slots``, ``context`` (tokens of each) and ``threads``.
    """
    llama.llama_backend_init()
    quiet = llama.llama_log_callback(lambda *_: None)
    llama.llama_log_set(quiet, None)
    wanted = llama.llama_model_default_params()
    wanted.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(settings["model"].encode(), wanted)
    size = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    options = llama.llama_context_default_params()
    options.n_ctx = settings["slots"] * settings["context"]
    options.n_batch = BATCH
    options.n_seq_max = settings["slots"]
    options.n_threads = options.n_threads_batch = settings["threads"]
    # Tried without, with the cache in FP32 and in one buffer: each is slower here.
    options.flash_attn_type = 1
    options.kv_unified = False
    context = llama.llama_init_from_model(model, options)
    memory = llama.llama_get_memory(context)
    batch = llama.llama_batch_init(BATCH, 0, 1)

    def view(pointer: Any, kind: Any) -> Any:
        return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(kind)), (BATCH,))

    tokens_of, places = view(batch.token, ctypes.c_int32), view(batch.pos, ctypes.c_int32)
    wants = view(batch.logits, ctypes.c_int8)
    view(batch.n_seq_id, ctypes.c_int32)[:] = 1

    def run(count: int) -> None:
        batch.n_tokens = count
        code = llama.llama_decode(context, batch)
        if code:
            raise RuntimeError(f"llama_decode: {code}")

    def likeliest(place: int) -> int:
        logits = llama.llama_get_logits_ith(context, place)
        return int(np.ctypeslib.as_array(logits, (size,)).argmax())

    def decode(
        prompts: Sequence[Sequence[int]], tokens: int, told: Callable[[int, int], None]
    ) -> None:
        llama.llama_memory_clear(memory, False)
        wants[:] = 0
        filled, lasts = 0, []
        for number, prompt in enumerate(prompts):
            after = filled + len(prompt)
            tokens_of[filled:after] = prompt
            places[filled:after] = range(len(prompt))
            for place in range(filled, after):
                batch.seq_id[place][0] = number
            lasts.append(after - 1)
            filled = after
        wants[lasts] = 1
        run(filled)
        found = [likeliest(place) for place in lasts]
        count = len(prompts)
        wants[:count] = 1
        for number in range(count):
            told(number, 1)
            batch.seq_id[number][0] = number
        for step in range(1, tokens):
            tokens_of[:count] = found
            places[:count] = [len(prompt) + step - 1 for prompt in prompts]
            run(count)
            found = [likeliest(place) for place in range(count)]
            for number in range(count):
                told(number, step + 1)

    # What llama.cpp was given has to stay.
    decode.kept = quiet  # type: ignore[attr-defined]
    return llama.__version__, decode


if __name__ == "__main__":
    serve(prepare)
