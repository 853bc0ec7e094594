"""From the options of a profile to the family's pipeline, by what the checkpoint is."""

from __future__ import annotations

from pathlib import Path

from builders.decoder.checkpoint.decoder import Decoder
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.engines import local, remote
from builders.decoder.engines.contract import NAME
from builders.decoder.engines.legacy import pipeline as legacy
from builders.decoder.engines.llmapi import pipeline as llmapi
from builders.decoder.metric import metrics
from builders.decoder.options import DEMO, DecoderOptions
from builders.errors import FamilyError
from builders.kit.family import Conditions, Family
from builders.kit.graph import Model, PythonModel
from builders.scenes import SHIPPED, scenes_at
from repository.errors import KitError
from repository.findings import Finding, finding_of


def make(options: DecoderOptions, conditions: Conditions) -> Family:
    """The family of a profile's checkpoint, or of the server that decodes in its place.

    Args:
        options: what the profile says.
        conditions: what else it does.

    Raises:
        FamilyError: the checkpoint cannot be served as the profile asks; all that is wrong.
    """
    elsewhere: Model | None = None
    if options.remote is not None:
        elsewhere = remote.pipeline(
            options.remote,
            slots=options.slots,
            waiting=options.waiting,
            max_tokens=options.max_tokens,
        )
    elif options.llmapi is not None:
        elsewhere = llmapi.pipeline(options.llmapi, conditions)
    if elsewhere is not None:
        return Family(name="decoder", sources={}, pipelines=(elsewhere,), metrics=())
    findings: list[Finding] = []
    pipelines: list[PythonModel] = []
    try:
        decoder = read_decoder(conditions.checkpoint(options.source))
        most, why = decoder.context, "the checkpoint was made for"
        if options.tensorrt_llm_engine is None:
            most, why = local.most_tokens(decoder, conditions.release)
        if options.context is not None and options.context > most:
            findings.append(
                finding_of(
                    "decoder",
                    conditions.place("context"),
                    f"at most {most:,}, which {why}",
                    f"{options.context:,}",
                    "Set fewer, or leave the option out.",
                )
            )
        if options.eye and decoder.images is None:
            findings.append(
                finding_of(
                    "decoder",
                    conditions.place("eye"),
                    "a checkpoint that sees images",
                    f"{decoder.architecture}, which reads text alone",
                    "Leave the option out.",
                )
            )
        pipelines.append(_pipeline(decoder, options, conditions, most))
    except KitError as error:
        findings += _told(error, conditions.place("source"))
    scenes: Path | None = SHIPPED if options.source == DEMO and options.eye else None
    if options.evaluation is not None:
        try:
            scenes = scenes_at(options.evaluation, conditions.folder)
        except KitError as error:
            findings += _told(error, conditions.place("evaluation"))
    if findings:
        raise FamilyError(findings)
    return Family(
        name="decoder",
        sources={"decoder": options.source},
        pipelines=tuple(pipelines),
        metrics=metrics(NAME, scenes) if scenes else (),
    )


def _pipeline(
    decoder: Decoder, options: DecoderOptions, conditions: Conditions, most: int
) -> PythonModel:
    """The pipeline of an engine that reads the checkpoint, or its small files."""
    if options.tensorrt_llm_engine is None:
        return local.pipeline(decoder, options, most)
    return legacy.pipeline(
        decoder,
        options.tensorrt_llm_engine,
        conditions,
        slots=options.slots,
        waiting=options.waiting,
        max_tokens=options.max_tokens,
        context=local.context_of(options, most),
    )


def _told(error: KitError, at: str) -> list[Finding]:
    found = str(error).rstrip(".")
    return [*(error.findings or [finding_of("decoder", at, "", found, "Or name another source.")])]
