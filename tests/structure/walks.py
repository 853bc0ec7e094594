"""Three walks through the code, as pictures for docs/architecture.md: what is called, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from builders.kit.graph import Tensor, closure
from builders.ocr.family import FAMILY

WIDTH, MARGIN, ROW = 980, 20, 76
SIDE = 560
"""Where the text on what a step gives begins."""

_FILL = {"client": "#eef3fb", "triton": "#e7f3e4", "stage": "#fff3d6", "build": "#fff3d6"}
_FILL |= {"repository": "#e7f3e4", "gate": "#fbe9e7", "user": "#eef3fb"}


@dataclass(frozen=True)
class Stop:
    """One place on a walk.

    Attributes:
        kind: its colour's name.
        title: what happens there.
        place: ``module:name`` of what does it; or of no code, as a model's file.
        gives: what goes on from there.
    """

    kind: str
    title: str
    place: str
    gives: str = ""

    @property
    def is_code(self) -> bool:
        """Whether the place is a name in a module."""
        return ":" in self.place


def _shown(tensor: Tensor) -> str:
    axes = (name if size < 0 else f"{name}={size}" for name, size in tensor.axes.items())
    return f"{tensor.name} {tensor.dtype.value} [{', '.join(axes)}]"


def _ocr() -> dict[str, dict[str, Tensor]]:
    """The tensors of each model of ``ocr``, and of the pipeline itself."""
    models = closure(FAMILY.pipelines)
    return {
        model.name: {each.name: each for each in (*model.inputs, *model.outputs)}
        for model in models
    }


def page_walk() -> list[Stop]:
    """From a page to its text: a request to ``ocr``."""
    of = _ocr()

    def gives(model: str, *names: str) -> str:
        return "; ".join(_shown(of[model][name]) for name in names)

    stages = "builders.ocr.stages"
    return [
        Stop(
            "client",
            "The client sends the file",
            "clients.ocr.client:OcrClient",
            gives("ocr", "image"),
        ),
        Stop("triton", "Triton starts the ensemble", "model_repository/ocr/config.pbtxt"),
        Stop(
            "stage",
            "decode_image: the file becomes pixels",
            "builders.stages.decode_image:prepare",
            gives("decode_image", "pixels"),
        ),
        Stop(
            "stage",
            "prepare_page: pages are scaled, or cut into tiles",
            f"{stages}.prepare_page:prepare",
            gives("prepare_page", "page"),
        ),
        Stop(
            "triton",
            "detect: where is text?",
            "model_repository/detect/1/model.onnx",
            gives("detect", "probability"),
        ),
        Stop(
            "stage",
            "locate: probabilities become lines",
            f"{stages}.locate:prepare",
            gives("locate", "quads", "samples"),
        ),
        Stop(
            "triton",
            "orient: which end of a line is up?",
            "model_repository/orient/1/model.onnx",
            gives("orient", "turned"),
        ),
        Stop(
            "stage",
            "crop: lines are cut out, in four groups of like widths",
            f"{stages}.crop:prepare",
            gives("crop", "crops_0"),
        ),
        Stop(
            "triton",
            "recognise: four calls side by side",
            "model_repository/recognise/1/model.onnx",
            gives("recognise", "index"),
        ),
        Stop(
            "stage",
            "collect: lines in reading order",
            f"{stages}.collect:prepare",
            gives("collect", "text", "boxes", "scores"),
        ),
        Stop("client", "The client makes lines of the answer", "clients.ocr.client:Line"),
    ]


def tensor_walk() -> list[Stop]:
    """From a declared tensor to a served one."""
    page = _ocr()["prepare_page"]["page"]
    axes = ", ".join(f'"{name}": {size}' for name, size in page.axes.items())
    return [
        Stop(
            "user",
            "A family declares it, with named axes",
            "builders.kit.graph.tensor:Tensor",
            f'Tensor("{page.name}", DType.{page.dtype.value}, {{{axes}}})',
        ),
        Stop(
            "user",
            "Models share it, and >> joins them",
            "builders.kit.graph:wire",
            "prepare_page >> detect",
        ),
        Stop(
            "gate",
            "The declarations are checked",
            "builders.kit.graph.declarations:check_declarations",
            "names, dtypes, axes; no circle",
        ),
        Stop(
            "build",
            "The profile is laid over the models",
            "builders.kit.recipe.overrides:apply",
            "instances, batching, queues, parameters",
        ),
        Stop(
            "build",
            "A config is made of each model",
            "builders.kit.emit.config:model_config",
            "ModelConfig, a protobuf of Triton's own",
        ),
        Stop(
            "build",
            "The protobuf is printed",
            "repository.config.text:to_text",
            "config.pbtxt",
        ),
        Stop(
            "gate",
            "The folder is held to Triton's load-time rules",
            "repository.check.check:check_repository",
            "findings, all at once",
        ),
        Stop(
            "repository",
            "In Triton a wrapper passes it to the stage",
            "repository.copied.stage_model:TritonPythonModel",
            "a numpy array",
        ),
    ]


def checkpoint_walk() -> list[Stop]:
    """From a checkpoint to a served model: the phases of a build."""
    build = "builders.kit.build"
    return [
        Stop(
            "user",
            "A profile names families and sources",
            "builders.kit.recipe.profile:load_profile",
            "Profile",
        ),
        Stop(
            "build",
            "Each source becomes verified files on disk",
            "builders.kit.sources:resolve",
            "hub:, path:, package: or demo:",
        ),
        Stop(
            "build",
            "Models and exports are chosen",
            "builders.kit.recipe.recipe:make_recipe",
            "Recipe",
        ),
        Stop(
            "build",
            "Every task gets a key: the hash of its inputs and code",
            f"{build}.plan:make_plan",
            "a known key is not made again",
        ),
        Stop(
            "build",
            "Exports are made",
            f"{build}.making:make_exports",
            "ONNX with named, dynamic axes",
        ),
        Stop(
            "gate",
            "Parity: each export is compared with its source",
            f"{build}.parity:compare",
            "at its own shape and at two unseen ones, at least",
        ),
        Stop(
            "build",
            "Configs and files are written aside",
            f"{build}.staging:stage",
            "a folder that nothing serves yet",
        ),
        Stop(
            "gate", "The folder is checked", f"{build}.checking:check", "Triton's load-time rules"
        ),
        Stop(
            "gate",
            "Each pipeline is scored, in process",
            f"{build}.gates:hold_to_bounds",
            "a score worse than its bound ends the build",
        ),
        Stop(
            "repository",
            "The repository appears, whole",
            f"{build}.swapping:swap_in",
            "manifest.json: hashes, sources, licences, figures",
        ),
    ]


def picture(stops: Sequence[Stop]) -> str:
    """A walk, from top to bottom."""
    parts = []
    for number, stop in enumerate(stops):
        top = MARGIN + number * ROW
        middle = MARGIN + 16
        if number + 1 < len(stops):
            parts.append(
                f'<path d="M{middle} {top + 40} V{top + ROW + 4}" stroke="#8a94a6" '
                'stroke-width="2" marker-end="url(#end)"/>'
            )
        parts += [
            f'<rect x="{MARGIN + 44}" y="{top}" width="{WIDTH - 2 * MARGIN - 44}" height="60" '
            f'rx="6" fill="{_FILL[stop.kind]}" stroke="#8a94a6"/>',
            f'<circle cx="{middle}" cy="{top + 26}" r="15" fill="#ffffff" stroke="#8a94a6"/>',
            _text(middle, top + 31, str(number + 1), 14, anchor="middle"),
            _text(MARGIN + 58, top + 25, stop.title, 15, weight="bold"),
            _text(MARGIN + 58, top + 46, stop.place, 12, family="monospace"),
        ]
        lines = wrap(stop.gives, 54)
        parts += [
            _text(SIDE, top + 35 - 8 * (len(lines) - 1) + 16 * line, text, 13)
            for line, text in enumerate(lines)
        ]
    height = 2 * MARGIN + len(stops) * ROW - (ROW - 60)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        '<defs><marker id="end" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" '
        'markerHeight="5" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#8a94a6"/></marker>'
        "</defs>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _text(
    left: float,
    top: float,
    text: str,
    size: int,
    *,
    weight: str = "normal",
    family: str = "sans-serif",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{left:g}" y="{top:g}" font-size="{size}" font-weight="{weight}" '
        f'font-family="{family}" text-anchor="{anchor}" fill="#1b2430">{escape(text)}</text>'
    )


WALKS = {"page": page_walk, "tensor": tensor_walk, "checkpoint": checkpoint_walk}
"""Name -> the walk; each is drawn as docs/walk-NAME.svg."""
