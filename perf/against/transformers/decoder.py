"""transformers decodes prompts together: ``python -m perf.against.transformers.decoder``.

By ``generate`` on a batch, or by ``generate_batch``, its continuous batching.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from perf.against.bench import THREADS
from perf.against.rivals.answering import Decode, serve
from perf.against.rivals.asked import Rival

TITLE = "transformers"


def start(checkpoint: Path, *, continuous: bool = False) -> Rival:
    """transformers with a checkpoint, in a process of its own.

    Args:
        checkpoint: in Hugging Face format; of one that sees, its language model decodes.
        continuous: by ``generate_batch``.
    """
    settings = {"model": str(checkpoint), "threads": THREADS, "continuous": continuous}
    module = "perf.against.transformers.decoder"
    return Rival(TITLE, Path(sys.executable), module, settings)


def prepare(settings: Any) -> tuple[str, Decode]:
    """Loads a checkpoint.

    Args:
        settings: ``model``, its folder; ``threads``; ``continuous``, as in :func:`start`.
    """
    import torch
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(settings["threads"])
    folder = settings["model"]
    sees = hasattr(AutoConfig.from_pretrained(folder), "vision_config")
    kind = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    model: Any = kind.from_pretrained(folder, dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None
    version = str(transformers.__version__)

    def together(
        prompts: Sequence[Sequence[int]], tokens: int, told: Callable[[int, int], None]
    ) -> None:
        given = torch.tensor([list(each) for each in prompts])

        def counted(rows: Any, *_: object) -> Any:
            """Asked after each step whether an answer ends: no."""
            for number in range(len(prompts)):
                told(number, rows.shape[1] - given.shape[1])
            return torch.zeros(len(prompts), dtype=torch.bool)

        with torch.inference_mode():
            model.generate(
                given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=tokens,
                do_sample=False,
                pad_token_id=0,
                stopping_criteria=[counted],
            )

    def continuously(
        prompts: Sequence[Sequence[int]], tokens: int, told: Callable[[int, int], None]
    ) -> None:
        # No token has that number, so that none ends an answer.
        options = transformers.GenerationConfig(
            max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0
        )
        given = [list(each) for each in prompts]
        answers = model.generate_batch(given, generation_config=options, progress_bar=False)
        for number, answer in enumerate(answers.values()):
            told(number, len(answer.generated_tokens))

    return version, continuously if settings["continuous"] else together


if __name__ == "__main__":
    serve(prepare)
