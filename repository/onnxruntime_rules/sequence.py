"""The rules for models with ``sequence_batching``: control tensors and implicit state."""

from __future__ import annotations

from dataclasses import dataclass

from .facts import Config, OnnxGraph, Violation, entries, max_batch_size

BOOLEAN_CONTROLS = ("CONTROL_SEQUENCE_START", "CONTROL_SEQUENCE_END", "CONTROL_SEQUENCE_READY")
_FLAG_TYPES = {
    "int32_false_true": "TYPE_INT32",
    "fp32_false_true": "TYPE_FP32",
    "bool_false_true": "TYPE_BOOL",
}


@dataclass(frozen=True)
class Control:
    """An input that Triton fills in for every request of a sequence."""

    name: str
    data_type: str


def controls(config: Config) -> tuple[Control, ...]:
    """The control inputs of a sequence model, in the config's order."""
    batching = config.get("sequence_batching") or {}
    found = []
    for entry in entries(batching, "control_input"):
        for control in entries(entry, "control"):
            kind = control.get("kind", BOOLEAN_CONTROLS[0])
            flags = [type for field, type in _FLAG_TYPES.items() if control.get(field)]
            typed = str(control.get("data_type", "TYPE_INVALID"))
            data_type = flags[0] if kind in BOOLEAN_CONTROLS and flags else typed
            found.append(Control(str(entry.get("name", "")), data_type))
    return tuple(found)


def states(config: Config) -> tuple[Config, ...]:
    """The implicit states of a sequence model."""
    return entries(config.get("sequence_batching") or {}, "state")


def sequence_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Control inputs of another shape or type than [1], and states without their output."""
    violations = []
    inputs = {tensor.name: tensor for tensor in graph.inputs}
    skipped = 1 if max_batch_size(config) > 0 else 0
    for control in controls(config):
        tensor = inputs.get(control.name)
        if tensor is None:
            violations.append(_unknown("sequence-control", control.name, "input", tuple(inputs)))
        elif tensor.shape[skipped:] != (1,):
            violations.append(
                Violation(
                    "sequence-control",
                    control.name,
                    "dims [1] without the batch axis",
                    str(list(tensor.shape[skipped:])),
                    "Export the graph with a control input of one element a request.",
                )
            )
        elif tensor.config_type != control.data_type:
            violations.append(
                _mistyped("sequence-control", control.name, tensor.config_type, control.data_type)
            )
    outputs = {tensor.name: tensor for tensor in graph.outputs}
    for state in states(config):
        name, data_type = str(state.get("output_name", "")), str(state.get("data_type", ""))
        if name not in outputs:
            violations.append(_unknown("sequence-state", name, "output", tuple(outputs)))
        elif outputs[name].config_type != data_type:
            violations.append(
                _mistyped("sequence-state", name, outputs[name].config_type, data_type)
            )
    return violations


def _unknown(rule: str, name: str, role: str, known: tuple[str, ...]) -> Violation:
    return Violation(
        rule,
        name,
        f"an {role} of the ONNX graph ({', '.join(known)})",
        "none of that name",
        "Correct the name in sequence_batching.",
    )


def _mistyped(rule: str, name: str, expected: str, found: str) -> Violation:
    return Violation(rule, name, expected, found, "Write the graph's type in sequence_batching.")
