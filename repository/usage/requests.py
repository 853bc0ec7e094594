"""Requests that are declared, as tensors; every mistake in them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from repository.arrays import Arrays
from repository.errors import RepositoryError
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of
from repository.usage import Inputs
from repository.usage.tensors import ServedTensor, array_of


class RequestUnfit(RepositoryError):
    """A request that a pipeline does not take; each mistake is a finding."""


def requests_of(
    pipeline: str, requests: Sequence[Inputs], taken: Mapping[str, ServedTensor]
) -> list[Arrays]:
    """Requests as tensors.

    Args:
        pipeline: whose they are.
        requests: each one's inputs.
        taken: the inputs that the pipeline takes.

    Raises:
        RequestUnfit: names, types or shapes that the pipeline does not take, or a file that cannot
            be read.
    """
    findings: list[Finding] = []
    made: list[Arrays] = []
    for number, inputs in enumerate(requests):
        where = f"'{pipeline}'" if len(requests) == 1 else f"'{pipeline}', request {number + 1}"
        request = {}
        for name, given in inputs.items():
            tensor = taken.get(name)
            if tensor is None:
                expected = f"one of its inputs, {', '.join(taken)}"
                remedy = suggest(name, taken)
                findings.append(finding_of("request", where, expected, f"'{name}'", remedy))
                continue
            try:
                request[name] = array_of(given, tensor)
            except (ValueError, TypeError, OSError) as problem:
                told = problem.strerror if isinstance(problem, OSError) else str(problem)
                remedy = "Give an input that fits."
                findings.append(
                    finding_of("request", where, "", told or "it is unfit", remedy, tensor=name)
                )
        for name, tensor in taken.items():
            if not tensor.optional and name not in inputs:
                expected, remedy = "all of its inputs", "Give it too."
                findings.append(
                    finding_of("request", where, expected, "none for it", remedy, tensor=name)
                )
        made.append(request)
    if findings:
        raise RequestUnfit(findings)
    return made
