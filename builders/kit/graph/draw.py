"""A pipeline's DAG as text, as JSON, as Mermaid, and as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from builders.kit.graph import Ensemble, Tensor, calls_of, wire
from builders.kit.graph.fusing.fused import parts_of
from builders.kit.graph.kind import kind_of
from repository.copied.flow import Wiring, waves


@dataclass(frozen=True)
class Edge:
    """Tensors that go from one node to another; nodes are numbered by :func:`_layers`."""

    source: int
    target: int
    tensors: tuple[str, ...]


def text(ensemble: Ensemble) -> str:
    """The steps in running order, with all tensors' types; equal numbers run side by side."""
    types = {tensor.name: _type(tensor) for tensor in _tensors(ensemble)}
    lines = [f"{ensemble.name}: {_signature(ensemble.inputs)} -> {_signature(ensemble.outputs)}"]
    kinds = {model.name: _KINDS[kind_of(model)] for model in ensemble.composing()}
    calls, parts = _calls(ensemble), _parts(ensemble)
    in_pieces = {model.name for model in ensemble.composing() if model.decoupled}
    for number, wave in enumerate(_waves(ensemble), 1):
        for step in wave:
            lines.append(f"  {number}. {step.model} ({kinds[step.model]})")
            if parts[step.model]:
                lines.append(f"       fused of {', '.join(parts[step.model])}")
            if calls[step.model]:
                lines.append(f"       calls {', '.join(calls[step.model])}")
            if step.model in in_pieces:
                lines.append("       answers in pieces (decoupled)")
            for arrow, mapping in (("<-", step.inputs), ("->", step.outputs)):
                for name, tensor in mapping.items():
                    renamed = "" if name == tensor else f" (as {name})"
                    lines.append(f"       {arrow} {tensor} {types.get(tensor, '')}{renamed}")
    return "\n".join(lines)


def as_json(ensemble: Ensemble) -> dict[str, Any]:
    """The DAG for a script: its tensors, and its steps in running order.

    Returns:
        ``pipeline``, ``inputs``, ``outputs`` and ``steps``. A tensor has ``name``, ``dtype`` and
        ``axes``; a step ``model``, ``kind``, ``fused`` (the models that it is made of), ``calls``,
        ``decoupled``, and ``inputs`` and ``outputs`` from the model's own tensors to the
        pipeline's.
    """
    kinds = {model.name: kind_of(model) for model in ensemble.composing()}
    decoupled = {model.name: model.decoupled for model in ensemble.composing()}
    calls, parts = _calls(ensemble), _parts(ensemble)
    steps = [
        {
            "model": step.model,
            "kind": kinds[step.model],
            "fused": list(parts[step.model]),
            "calls": list(calls[step.model]),
            "decoupled": decoupled[step.model],
            "inputs": dict(step.inputs),
            "outputs": dict(step.outputs),
        }
        for wave in _waves(ensemble)
        for step in wave
    ]
    inputs, outputs = (
        [{"name": each.name, "dtype": str(each.dtype), "axes": dict(each.axes)} for each in tensors]
        for tensors in (ensemble.inputs, ensemble.outputs)
    )
    return {"pipeline": ensemble.name, "inputs": inputs, "outputs": outputs, "steps": steps}


def mermaid(ensemble: Ensemble) -> str:
    """A Mermaid flowchart, which GitHub and GitLab draw in Markdown."""
    layers, edges = _layers(ensemble)
    lines = ["flowchart TD"]
    number = 0
    for layer in layers:
        for title, subtitle in layer:
            opening, closing = ("([", "])") if not subtitle else ("[", "]")
            label = f"{title}<br/><i>{subtitle}</i>" if subtitle else title
            lines.append(f'    n{number}{opening}"{label}"{closing}')
            number += 1
    lines += [
        f'    n{edge.source} -- "{", ".join(edge.tensors)}" --> n{edge.target}' for edge in edges
    ]
    return "\n".join(lines)


_KINDS = {
    "bls": "BLS",
    "ensemble": "ensemble",
    "given": "engine",
    "onnx": "ONNX",
    "plan": "TensorRT plan",
    "python": "Python",
}
_WIDTH, _HEIGHT, _GAP, _RISE, _LANE = 190, 46, 150, 118, 44
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b2733}.s{font-size:11px;fill:#5b6b7b}"
    ".e{font-size:11px;fill:#34506b;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    "path{fill:none;stroke:#8aa0b5;stroke-width:1.4}"
)
_COLOURS = {"Python": "#fff3d6", "ONNX": "#dcebfb", "": "#e7f3e4"}


def svg(ensemble: Ensemble) -> str:
    """A drawing, one row a wave; tensors that skip rows run along the sides."""
    layers, edges = _layers(ensemble)
    places: list[tuple[float, float, int]] = []
    widest = max(len(layer) for layer in layers)
    skips = [edge for edge in edges if _row(layers, edge.target) - _row(layers, edge.source) > 1]
    margin = 70 + _LANE * ((len(skips) + 1) // 2) + (60 if skips else 0)
    centre = margin + (widest * _WIDTH + (widest - 1) * (_GAP - 110)) / 2
    for row, layer in enumerate(layers):
        pitch = _WIDTH + _GAP - 110
        for column in range(len(layer)):
            x = centre + (column - (len(layer) - 1) / 2) * pitch
            places.append((x, 20 + row * _RISE, row))
    parts = list(_boxes(layers, places))
    lane = 0
    labels = []
    # Short detours first, so that long ones run outside them.
    for edge in sorted(edges, key=lambda edge: places[edge.target][2] - places[edge.source][2]):
        (x0, y0, row0), (x1, y1, row1) = places[edge.source], places[edge.target]
        name = ", ".join(edge.tensors)
        if row1 - row0 > 1:
            side = -1 if lane % 2 else 1
            reach = max(abs(place[0] - centre) for place in places) + _WIDTH / 2
            bend = centre + side * (reach + 24 + _LANE * (lane // 2))
            lane += 1
            start, end = x0 + side * _WIDTH / 2, x1 + side * _WIDTH / 2
            top, bottom = y0 + _HEIGHT / 2, y1 + _HEIGHT / 2
            parts.append(
                f'<path marker-end="url(#a)" d="M{start:.0f} {top:.0f} C{bend:.0f} {top:.0f} '
                f"{bend:.0f} {top:.0f} {bend:.0f} {top + 30:.0f} L{bend:.0f} {bottom - 30:.0f} "
                f'C{bend:.0f} {bottom:.0f} {bend:.0f} {bottom:.0f} {end:.0f} {bottom:.0f}"/>'
            )
            labels.append((bend, top + 0.55 * _RISE + 26 * (lane // 2), name))
        else:
            top, middle = y0 + _HEIGHT, (y0 + _HEIGHT + y1) / 2
            parts.append(
                f'<path marker-end="url(#a)" d="M{x0:.0f} {top:.0f} C{x0:.0f} {middle:.0f} '
                f'{x1:.0f} {middle:.0f} {x1:.0f} {y1 - 2:.0f}"/>'
            )
            outer = max(x0, x1, key=lambda x: abs(x - centre))
            labels.append((0.7 * outer + 0.3 * (x0 + x1 - outer), middle, name))
    for x, y, name in labels:
        for line, piece in enumerate(_wrapped(name)):
            parts.append(
                f'<text class="e" text-anchor="middle" x="{x:.0f}" y="{y + 4 + 13 * line:.0f}">'
                f"{escape(piece)}</text>"
            )
    width, height = 2 * centre, 40 + (len(layers) - 1) * _RISE + _HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="The DAG of {escape(ensemble.name)}"><style>{_STYLE}</style>'
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" '
        'style="fill:#8aa0b5;stroke:none"/></marker></defs>'
        '<rect width="100%" height="100%" fill="#fff"/>' + "".join(parts) + "</svg>\n"
    )


def _boxes(
    layers: list[list[tuple[str, str]]], places: list[tuple[float, float, int]]
) -> Iterator[str]:
    nodes = [node for layer in layers for node in layer]
    for (title, subtitle), (x, y, _) in zip(nodes, places, strict=True):
        radius = 8 if subtitle else 23
        yield (
            f'<rect x="{x - _WIDTH / 2:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" '
            f'rx="{radius}" fill="{_COLOURS.get(subtitle.split(",")[0], "#eee8f7")}" '
            'stroke="#8aa0b5"/>'
            f'<text text-anchor="middle" x="{x:.0f}" y="{y + (20 if subtitle else 28):.0f}">'
            f"{escape(title)}</text>"
        )
        if subtitle:
            yield (
                f'<text class="s" text-anchor="middle" x="{x:.0f}" y="{y + 36:.0f}">'
                f"{escape(_shortened(subtitle))}</text>"
            )


def _shortened(subtitle: str, limit: int = 34) -> str:
    """What fits into a box: numbers of models, where their names do not."""
    kind, *parts = subtitle.split(", ")
    if len(subtitle) <= limit:
        return subtitle
    counts = []
    for part in parts:
        named = part.removeprefix("fused of ").removeprefix("calls ")
        counts.append(f"{part.removesuffix(named)}{named.count(' and ') + 1} models")
    return ", ".join([kind, *counts])


def _wrapped(name: str, limit: int = 26) -> list[str]:
    lines = [""]
    for word in name.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > limit:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _waves(ensemble: Ensemble) -> list[list[Wiring]]:
    return waves(wire(ensemble), [tensor.name for tensor in ensemble.inputs])


def _layers(ensemble: Ensemble) -> tuple[list[list[tuple[str, str]]], list[Edge]]:
    """Rows of (title, kind) and the edges between them; kind is empty for request and response."""
    kinds = {model.name: _KINDS[kind_of(model)] for model in ensemble.composing()}
    for name, fused in _parts(ensemble).items():
        kinds[name] += f", fused of {' and '.join(fused)}" if fused else ""
    for name, called in _calls(ensemble).items():
        kinds[name] += f", calls {' and '.join(called)}" if called else ""
    order = _waves(ensemble)
    layers = [[("request", "")]]
    layers += [[(step.model, kinds[step.model]) for step in wave] for wave in order]
    layers.append([("response", "")])
    writer = {tensor.name: 0 for tensor in ensemble.inputs}
    edges: dict[tuple[int, int], list[str]] = {}
    steps = [step for wave in order for step in wave]
    for number, step in enumerate(steps, 1):
        for tensor in step.inputs.values():
            edges.setdefault((writer[tensor], number), []).append(tensor)
        writer |= dict.fromkeys(step.outputs.values(), number)
    for output in ensemble.outputs:
        edges.setdefault((writer[output.name], len(steps) + 1), []).append(output.name)
    return layers, [Edge(*ends, tuple(names)) for ends, names in edges.items()]


def _calls(ensemble: Ensemble) -> dict[str, list[str]]:
    """By composing model, what its own code calls."""
    return {model.name: list(calls_of(model)) for model in ensemble.composing()}


def _parts(ensemble: Ensemble) -> dict[str, tuple[str, ...]]:
    """By composing model, what was fused into it."""
    return {model.name: parts_of(model) for model in ensemble.composing()}


def _row(layers: list[list[tuple[str, str]]], node: int) -> int:
    for row, layer in enumerate(layers):
        if node < len(layer):
            return row
        node -= len(layer)
    raise IndexError(node)


def _tensors(ensemble: Ensemble) -> Iterator[Tensor]:
    for step, wiring in zip(ensemble.steps, wire(ensemble), strict=True):
        for tensors, mapping in (
            (step.model.inputs, wiring.inputs),
            (step.model.outputs, wiring.outputs),
        ):
            for tensor in tensors:
                if tensor.name in mapping:
                    yield Tensor(mapping[tensor.name], tensor.dtype, tensor.axes)
    yield from (*ensemble.inputs, *ensemble.outputs)


def _type(tensor: Tensor) -> str:
    axes = ", ".join(
        name if size < 0 else f"{name}={size}" if not name.isdigit() else str(size)
        for name, size in tensor.axes.items()
    )
    return f"{tensor.dtype}[{axes}]{' optional' if tensor.optional else ''}"


def _signature(tensors: tuple[Tensor, ...]) -> str:
    return ", ".join(f"{tensor.name} {_type(tensor)}" for tensor in tensors)
