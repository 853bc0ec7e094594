"""The pipeline ``generate`` over a compiled engine of TensorRT-LLM, from a profile's options."""

from __future__ import annotations

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.engines.contract import NAME, inputs
from builders.decoder.engines.contract import OUTPUTS as ANSWERS
from builders.decoder.engines.image import BACKENDS, IMAGE, MODEL, refuse_other_releases
from builders.decoder.engines.legacy.commands import CONVERTERS, FILE, converter, script
from builders.decoder.engines.legacy.tensors import INPUTS, OUTPUTS, RAGGED
from builders.decoder.exports.settings import SETTINGS, TEMPLATE, TOKENIZER
from builders.decoder.settings.legacy import LegacyOptions
from builders.errors import FamilyError
from builders.kit.family import Conditions
from builders.kit.graph import GivenModel, PythonModel, QueuePolicy
from builders.kit.graph.options import Text, Whole
from builders.kit.sources import parse
from repository.findings import Finding, finding_of

ENGINE = "tensorrt_llm_engine"
"""As a profile names it."""

_UNBOUNDED = QueuePolicy(max_size=0)
"""Requests wait in the stage, which bounds them. A queue policy of its own with no bound would be
read by the C++ backend as a bound of 0."""


def pipeline(
    decoder: Decoder,
    options: LegacyOptions,
    conditions: Conditions,
    *,
    slots: int,
    waiting: int,
    max_tokens: int,
    context: int,
) -> PythonModel:
    """The pipeline.

    Args:
        decoder: the checkpoint, of which the tokenizer and the template are read here.
        options: what the profile says of the engine.
        conditions: what else it does.
        slots: requests that the engine computes at once.
        waiting: requests that may wait besides.
        max_tokens: of an answer, where a request does not say.
        context: tokens of a prompt and its answer.

    Raises:
        FamilyError: the checkpoint cannot be served so, or the profile is for another Triton; all
            that is wrong.
    """
    refuse_other_releases(ENGINE, conditions)
    rows = options.image_rows or (decoder.images.rows if decoder.images else None) or 0
    longest = options.max_input or context - 1
    if findings := _mistakes(decoder, options, conditions, context, rows, longest):
        raise FamilyError(findings)
    settings = {
        "slots": (slots, Whole(1, slots)),
        "context": (context, Whole(16, context)),
        "waiting": (waiting, Whole(0, 1 << 16)),
        "max_tokens": (max_tokens, Whole(1, 1 << 20)),
        "max_input": (longest, Whole(1, longest)),
        "images": (options.images, Whole(0, options.images)),
        "image_rows": (rows, Whole(rows, rows)),
    }
    template = (TEMPLATE,) if decoder.template is not None else ()
    return PythonModel(
        name=NAME,
        inputs=inputs(decoder.hidden),
        outputs=ANSWERS,
        streamed=True,
        calls=(_engine(decoder, options, slots=slots, context=context, rows=rows),),
        queue=_UNBOUNDED,
        stage="builders.decoder.stages.tensorrt_llm_engine",
        exports=(SETTINGS, TOKENIZER, *template),
        parameters={name: str(value) for name, (value, _) in settings.items()} | {"engine": MODEL},
        options={name: option for name, (_, option) in settings.items()} | {"engine": Text()},
    )


def _engine(
    decoder: Decoder, options: LegacyOptions, *, slots: int, context: int, rows: int
) -> GivenModel:
    """TensorRT-LLM's own model, and beside it the script that builds what it serves."""
    return GivenModel(
        name=MODEL,
        inputs=INPUTS,
        outputs=OUTPUTS,
        max_batch_size=1,
        decoupled=True,
        queue=_UNBOUNDED,
        parameters={
            "gpt_model_path": parse(options.engine).name,
            "gpt_model_type": "inflight_fused_batching",
            "batch_scheduler_policy": "guaranteed_no_evict",
            "max_beam_width": "1",
            "exclude_input_in_output": "true",
            "kv_cache_free_gpu_mem_fraction": str(options.kv_cache_fraction),
            "enable_kv_cache_reuse": _word(options.kv_cache_reuse),
            "enable_chunked_context": _word(options.chunked_context),
            "executor_worker_path": "/opt/tritonserver/backends/tensorrtllm/trtllmExecutorWorker",
            "FORCE_CPU_ONLY_INPUT_TENSORS": "no",
            # The backend does not load without these three, and takes them empty.
            "tokenizer_dir": "",
            "guided_decoding_backend": "",
            "xgrammar_tokenizer_info_path": "",
        },
        backend="tensorrtllm",
        files={FILE: script(decoder, options, slots=slots, context=context, rows=rows)},
        image=IMAGE,
        backends=BACKENDS,
        ragged=RAGGED,
    )


def _mistakes(
    decoder: Decoder,
    options: LegacyOptions,
    conditions: Conditions,
    context: int,
    rows: int,
    longest: int,
) -> list[Finding]:
    found: list[tuple[str, str, str, str]] = []
    if converter(decoder) is None:
        known = ", ".join(dict.fromkeys(outer for outer, _ in CONVERTERS))
        found.append(
            (
                "source",
                f"a checkpoint that TensorRT-LLM's converters are tried with: {known}",
                f"{decoder.architecture} of {decoder.language_model}",
                "Serve it by trtllm-serve, or by the engine llmapi.",
            )
        )
    if options.images and decoder.images is None:
        found.append(
            (
                f"{ENGINE}.images",
                "a checkpoint that sees images",
                f"{decoder.architecture}, which reads text alone",
                "Leave images out.",
            )
        )
    elif options.images and not rows:
        found.append(
            (
                f"{ENGINE}.image_rows",
                "how many rows an image has at most, as the checkpoint has no one number",
                "none",
                "Write image_rows.",
            )
        )
    if longest >= context:
        found.append(
            (
                f"{ENGINE}.max_input",
                f"fewer than {context}, the tokens of a prompt and its answer",
                str(longest),
                "Lower max_input, or raise context.",
            )
        )
    if not options.chunked_context and longest > options.max_step_tokens:
        found.append(
            (
                f"{ENGINE}.max_step_tokens",
                f"{longest} or more, as a prompt is computed in one step",
                str(options.max_step_tokens),
                "Raise max_step_tokens, lower max_input, or write chunked_context: true.",
            )
        )
    if options.images and options.images * rows >= longest:
        found.append(
            (
                f"{ENGINE}.images",
                f"images of fewer than {longest} rows together, the tokens of a prompt",
                f"{options.images} of {rows}",
                "Lower images, or raise max_input.",
            )
        )
    return [
        finding_of("decoder", conditions.place(*at.split(".")), expected, what, remedy)
        for at, expected, what, remedy in found
    ]


def _word(value: bool) -> str:
    return str(value).lower()
