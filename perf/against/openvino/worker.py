"""openvino-genai decodes prompts together: ``python -m perf.against.openvino.worker``.

By its pipeline for continuous batching, without a cache of prefixes: no prompt comes twice. Runs
in OpenVINO's environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import openvino
import openvino_genai as genai

from perf.against.rivals.answering import Decode, serve

CACHE_GIB = 1


def prepare(settings: Any) -> tuple[str, Decode]:
    """Loads a model.

    Args:
        settings: ``model``, a folder; ``slots``, prompts at once at most, and ``threads``.
    """
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size = CACHE_GIB
    scheduler.max_num_seqs = settings["slots"]
    scheduler.max_num_batched_tokens = 2048
    scheduler.enable_prefix_caching = False
    properties = {"INFERENCE_NUM_THREADS": settings["threads"], "PERFORMANCE_HINT": "LATENCY"}
    pipeline = genai.ContinuousBatchingPipeline(settings["model"], scheduler, "CPU", properties)
    options = genai.GenerationConfig()
    options.do_sample = False
    options.ignore_eos = True
    numbers = count()

    def decode(
        prompts: Sequence[Sequence[int]], tokens: int, told: Callable[[int, int], None]
    ) -> None:
        options.max_new_tokens = tokens
        handles = [
            pipeline.add_request(
                next(numbers), openvino.Tensor(np.array([prompt], np.int64)), options
            )
            for prompt in prompts
        ]
        have = [0] * len(prompts)
        while pipeline.has_non_finished_requests():
            pipeline.step()
            for number, handle in enumerate(handles):
                before = have[number]
                while handle.can_read():
                    (output,) = handle.read().values()
                    have[number] += len(output.generated_ids)
                if have[number] > before:
                    told(number, have[number])

    return str(genai.__version__), decode


if __name__ == "__main__":
    serve(prepare)
