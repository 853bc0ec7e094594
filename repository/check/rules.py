"""The names of the check's rules, and what Triton itself does about each.

The rules of the C++ onnxruntime backend are stated elsewhere
(:mod:`repository.onnxruntime_rules.rules`); the check reports them as ``onnx-`` and their name.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from repository.findings import Finding, Severity, finding_of


class Triton(enum.StrEnum):
    """What a server does with a model that breaks a rule."""

    REFUSES = "refuses"
    LOADS = "loads"
    BREAKS = "never finishes loading, or crashes"


@dataclass(frozen=True)
class Rule:
    """A rule of the check.

    Attributes:
        severity: of its findings.
        triton: what a server does. The check is stricter by design: the server loads what can only
            fail, or surprise, later.
        about: what breaks it, in a phrase.
    """

    severity: Severity
    triton: Triton
    about: str


def _error(about: str) -> Rule:
    return Rule(Severity.ERROR, Triton.REFUSES, about)


def _stricter(about: str) -> Rule:
    return Rule(Severity.ERROR, Triton.LOADS, about)


def _breaks(about: str) -> Rule:
    return Rule(Severity.ERROR, Triton.BREAKS, about)


def _warning(about: str) -> Rule:
    return Rule(Severity.WARNING, Triton.LOADS, about)


RULES: dict[str, Rule] = {
    # One model's config
    "model-name": _error("a name that is not the folder's, or cannot be a folder's"),
    "backend": _error("no backend, or a platform that is not the backend's"),
    "unknown-backend": _warning("a backend that NVIDIA's images do not have"),
    "max-batch-size": _error("a negative max_batch_size"),
    "tensor-name": _error("an input or output without a name"),
    "tensor-dtype": _error("an input or output without a data type"),
    "tensor-dims": _error("no dims, or a dim that is neither positive nor -1"),
    "pytorch-output": _error("a TorchScript model's config without outputs"),
    "reshape": _error("a reshape that does not hold as many elements as the dims"),
    "input-format": _error("a format with a number of dims that it does not fit"),
    "tensorrt-only": _error("a field that only TensorRT plans may have"),
    "preferred-batch-size": _error("a preferred batch size above max_batch_size, or below 1"),
    "priority": _error("a priority level that there is not"),
    "preserve-ordering": _error("preserved ordering with priorities or delayed requests"),
    "response-cache": _error("a response cache on a decoupled or sequence model"),
    "sequence-batching": _error("sequence controls that contradict one another"),
    "batch-io": _error("a batch input or output of unknown tensors or of a wrong type"),
    "instance-group": _error("an instance group whose kind does not fit its fields"),
    "shell-name": _breaks("a name that a shell takes for something else, of a model in a stub"),
    "ascii-name": _error("a name outside ASCII of a model in a stub, of its file or of its code"),
    "ascii-file": _warning("a file outside ASCII that a Python model cannot open"),
    "url-name": _warning("a model's name that a URL cannot hold as it is"),
    "tensor-size": _stricter("a tensor that no memory holds"),
    "warmup-size": _breaks("warm-up requests too large or too many to end"),
    "sequence-slots": _breaks("more sequences at once than can be made"),
    "queue-delay": _warning("a request that waits for others for minutes"),
    "initial-state": _error("a first state that does not fit its state"),
    "runtime-path": _error("a runtime that leads out of the backend's folder, or is not in it"),
    "outside-path": _stricter("a path that leads out of its folder"),
    "duplicate-device": _stricter("a GPU that an instance group names twice"),
    "instance-count": _breaks("more instances than any machine starts"),
    "passive-instances": _stricter("passive instance groups alone, which never serve a request"),
    "version-policy": _error("a version policy that serves no version"),
    "warmup": _error("a warm-up request that cannot be made"),
    "warmup-input": _warning("a warm-up input that the model does not have"),
    "skipped-warmup": _warning("a warm-up request without a batch_size, which Triton skips"),
    "metric-control": _error("a metric control without its identifier or options"),
    "duplicate-tensor": _stricter("two inputs, or two outputs, of one name"),
    "auto-complete": _warning("inputs or outputs left for Triton to guess"),
    "completion": _error("a batch size that an ONNX model cannot be completed with"),
    "optional-batching": _warning("optional inputs on a dynamically batched model"),
    "repository-agent": _warning("a repository agent that NVIDIA's images do not have"),
    "queue-stall": _warning("a bounded queue before a single instance, on older releases"),
    "wave-queue": _warning("a bounded queue before steps that run side by side"),
    "shared-memory": _warning("stubs that need more shared memory than there is"),
    # Ensembles
    "ensemble-platform": _error("ensemble scheduling without the platform, or the reverse"),
    "ensemble-field": _error("a field that an ensemble may not have"),
    "ensemble-step": _error("no steps, or a step without a model or maps"),
    "unknown-model": _error("a step of a model that is not there"),
    "model-version": _error("a step of a version that is not served; 0 if none is written"),
    "unknown-input": _error("a step that maps an input its model does not have"),
    "unknown-output": _error("a step that maps an output its model does not have"),
    "unmapped-input": _error("a required input of a step's model that nothing is mapped to"),
    "unused-input": _error("an ensemble input that no step reads"),
    "unused-output": _error("a tensor that a step writes and nobody reads"),
    "unwritten-input": _error("a tensor that a step reads and nobody writes"),
    "unwritten-output": _error("an ensemble output that no step writes"),
    "written-twice": _error("a tensor that two steps write"),
    "cycle": _error("steps that wait for each other"),
    "ensemble-recursion": _error("an ensemble that is a step of itself"),
    "ensemble-dtype": _error("a tensor whose ends have different data types"),
    "ensemble-shape": _error("a tensor whose ends have shapes that cannot agree"),
    "batch-size": _error("a step's model that takes smaller batches than the ensemble"),
    "decoupled-fan-in": _error("tensors of different decoupled models that meet"),
    "written-input": _stricter("a step that writes over an ensemble input"),
    "ensemble-rank": _stricter("ends that Triton lets pass though their full shapes disagree"),
    "ensemble-batch": _stricter("inputs of a step that are not one batch, or too large a one"),
    "optional-input": _stricter("an optional ensemble input mapped to a required one"),
    "composing-reshape": _warning("a reshape in a step's model where the ends disagree"),
    # Folders and files
    "repository": _error("a path that is not a folder, or a folder without a model"),
    "shell-path": _breaks("a repository's path that a shell takes for something else"),
    "ascii-path": _error("a repository's path outside ASCII, with a model in a stub"),
    "unreadable": _error("a file or folder that cannot be read"),
    "config-syntax": _error("a config.pbtxt that is no ModelConfig"),
    "config-encoding": _warning("a config.pbtxt with bytes that are not UTF-8"),
    "unknown-field": _error("a field that the Triton release does not know"),
    "broken-link": _error("a link that leads nowhere, among the models or in a model's folder"),
    "stray-folder": _error("a folder that is no model"),
    "no-version": _error("a model without a version folder"),
    "model-file": _error("a version folder without the model's file"),
    "python-file": _breaks("a version folder of a Python model without its model.py"),
    "label-file": _error("labels of an output that are not there"),
    "python-model": _error("a model.py that cannot be a Python-backend model"),
    "no-execute": _stricter("a model's class without a method execute"),
    "own-utilities": _warning("a module in a version folder that takes the place of Triton's own"),
    "own-stub": _warning("a program in a model's folder that Triton starts as its stub"),
    "stub-file": _breaks("a stub in a model's folder that is not a program"),
    "python-parameter": _error("a parameter of the Python backend with a value that it has not"),
    "execution-environment": _error("an environment path that is not inside the model"),
    "onnx-file": _error("a file that is no ONNX model"),
    "onnx-version": _error("an ONNX opset or IR version newer than the release loads"),
    "missing-config": _error("no config.pbtxt where no server completes one"),
    "version-name": _breaks("a folder in a model that Triton wrongly takes for a version"),
    "stray-version": _warning("a folder in a model that Triton ignores"),
    "missing-version": _warning("a version that the policy names and that is not there"),
    "external-data": _error("external ONNX data that is missing, too short or misplaced"),
    "external-pointer": _stricter("a Git LFS pointer that is read as a small tensor's data"),
    "external-path": _stricter("external ONNX data that leads out of the model's folder"),
    # What only a graph knows
    "ensemble-batching": _stricter("batching on an ensemble, which has no queue"),
    "batch-axis": _stricter("a batching model's tensor without a first, dynamic batch axis"),
    "axis-size": _stricter("axes of one name with different sizes"),
    "axis-order": _stricter("a tensor whose axes stand in another order at its other end"),
    "model-conflict": _stricter("two different models of one name"),
    "self-call": _stricter("a model whose code calls itself, directly or through others"),
    "unknown-call": _warning("a model whose code calls a model that is not there"),
    "missing-call": _stricter("a declared call of a model that is not there"),
    "undeclared-call": _stricter("a stage that calls a model that its declaration does not name"),
    "asked-tensors": _stricter("a pipeline that is asked for what it does not take or give"),
    "decoupled-call": _stricter("a stage that calls a decoupled model, as if it answered once"),
    "streamed": _stricter("a streamed stage with batches, sequences or cached answers"),
    "image-backend": _error("a model of a backend that the image of another model lacks"),
    "never-run": _warning("a model of an engine that no build runs"),
    "sequence-input": _stricter("an input with a name that a sequence's own values take"),
}
"""Every rule by name, without those of onnxruntime."""


def finding(
    rule: str, where: str, expected: str, found: str, remedy: str, *, tensor: str = ""
) -> Finding:
    """A finding of one of :data:`RULES`, with that rule's severity."""
    severity = RULES[rule].severity
    return finding_of(rule, where, expected, found, remedy, tensor=tensor, severity=severity)


def listed(names: Iterable[str]) -> str:
    """Names for a message, sorted, in quotes."""
    return ", ".join(f"'{name}'" for name in sorted(names)) or "none"
