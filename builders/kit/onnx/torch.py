"""torch to ONNX: checkpoints loaded without running anything of theirs, graphs without paths."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnx import ModelProto

from builders.kit.onnx.files import load, lower_ir_version
from builders.kit.onnx.rename import rename
from builders.kit.onnx.weights import flush_subnormals
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.files import source_folder
from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs, named, nodes

if TYPE_CHECKING:
    import torch

DEFAULT_OPSET = 20
"""The exporter's default, which the onnxruntime of every supported Triton loads."""

_ALONE = threading.RLock()


@contextlib.contextmanager
def transformers_alone() -> Iterator[Any]:
    """The package transformers, for one thread at a time.

    Its modules are imported where a name of theirs is first used. Exports run side by side, and a
    module that one thread has half imported lacks names in another: "module 'transformers' has no
    attribute 'AutoModelForCTC'". Take names from it, and load what it loads, in this context.

    Raises:
        ModuleNotFoundError: the extra "torch" is not installed.
    """
    with _ALONE:
        import transformers

        yield transformers


@contextlib.contextmanager
def no_export_meanwhile() -> Iterator[None]:
    """A time in which no other thread exports.

    While one thread traces a model, transformers collects the hidden states of every thread in one
    place (its ``CompileableContextVar``), so that a model that runs meanwhile gives another's.
    """
    with _ALONE:
        yield


def load_transformers(
    folder: Path, auto_class: str, *, attention: str = "sdpa", **options: object
) -> Any:
    """A transformers model in FP32, ready to be exported.

    Weights come from safetensors only, no code of the checkpoint runs, nothing is fetched.

    Args:
        folder: config.json and weights.
        auto_class: the name of a class of transformers, as "AutoModelForSequenceClassification".
        attention: ``attn_implementation``; "eager" where the default one does not export. A model
            that has none to choose gets the one it has.
        options: further arguments of ``from_pretrained``.

    Raises:
        SourceError: no safetensors, broken ones, an architecture that needs the checkpoint's own
            code, or weights that are missing or of another shape: transformers would fill those
            with random numbers.
        ModuleNotFoundError: the extra "torch" is not installed.
    """
    source_folder(folder)
    for name in ("config.json", "generation_config.json"):
        if (folder / name).exists():
            # transformers tells a broken one by the names of Python's exceptions.
            read_settings(folder / name)
    torch = _import_torch()
    with transformers_alone() as transformers:
        bars = transformers.utils.logging
        shown = bars.is_progress_bar_enabled()
        bars.disable_progress_bar()
        try:
            model, info = _loaded(
                getattr(transformers, auto_class),
                folder,
                attention,
                dtype=torch.float32,
                **options,
            )
        except Exception as error:  # what a hostile or broken folder makes it raise is nowhere said
            reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
            raise SourceError(
                f"{folder}: expected a checkpoint that {auto_class} of transformers "
                f"{transformers.__version__} loads, found: {type(error).__name__}: {reason}"
            ) from error
        finally:
            if shown:
                bars.enable_progress_bar()
    lost = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if lost:
        raise SourceError(
            f"{folder}: expected all weights of {auto_class}, found {len(lost)} missing or of "
            f"another shape ({', '.join(lost[:3])}). Name the class that the checkpoint was "
            "trained as."
        )
    return model.eval()


def _loaded(auto: Any, folder: Path, attention: str, **options: object) -> Any:
    """What ``from_pretrained`` gives; without attention in the model there is none to choose."""

    def load(implementation: str) -> Any:
        return auto.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation=implementation,
            output_loading_info=True,
            **options,
        )

    try:
        return load(attention)
    except ValueError as error:
        if attention == "eager" or "does not support an attention implementation" not in str(error):
            raise
        return load("eager")


def export_torch(
    module: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor | Sequence[torch.Tensor]],
    *,
    axes: Mapping[str, Mapping[int, str]],
    outputs: Sequence[str],
    opset: int = DEFAULT_OPSET,
) -> ModelProto:
    """Export a module with torch's exporter (``dynamo=True``); equal modules give equal models.

    Args:
        module: is put into evaluation mode; returns a tensor or a tuple of them.
        inputs: example keyword arguments of ``forward``, in the order that the model shall have.
            A dynamic axis has to be 2 or more in them: torch takes sizes of 0 and 1 for constants.
            A list makes an input of each of its tensors: ``<name>_0``, ``<name>_1`` ...
        axes: input -> axis index -> name. Axes of one name are of one size in every request; those
            of a list are its tensors'.
        outputs: names for the outputs, in order.
        opset: of the result.

    Returns:
        The model, weights inside, without the exporter's stack traces, subnormals flushed.

    Raises:
        OnnxError: torch cannot export it, or names and axes do not fit.
        ModuleNotFoundError: the extra "torch" is not installed.
    """
    torch = _import_torch()
    unknown = sorted(axes.keys() - inputs.keys())
    if unknown:
        raise OnnxError(f"expected axes of inputs {', '.join(inputs)}, found {', '.join(unknown)}.")
    dims = {name: torch.export.Dim(name) for each in axes.values() for name in each.values()}
    of_one = {
        name: {index: dims[axis] for index, axis in axes.get(name, {}).items()} for name in inputs
    }
    shapes = {
        name: of_one[name] if isinstance(value, torch.Tensor) else [of_one[name]] * len(value)
        for name, value in inputs.items()
    }
    names = {
        name: [name]
        if isinstance(value, torch.Tensor)
        else [f"{name}_{number}" for number in range(len(value))]
        for name, value in inputs.items()
    }
    module.eval()
    with tempfile.TemporaryDirectory(prefix="export-") as folder, no_export_meanwhile(), _quiet():
        file = Path(folder) / "model.onnx"
        try:
            with torch.no_grad():
                torch.onnx.export(
                    module,
                    (),
                    str(file),
                    kwargs=dict(inputs),
                    input_names=[each for listed in names.values() for each in listed],
                    output_names=list(outputs),
                    dynamic_shapes=shapes,
                    opset_version=opset,
                    dynamo=True,
                    external_data=True,
                    verbose=False,
                )
        except Exception as error:  # the exporter wraps whatever happened in one of many classes
            cause = error.__cause__ or error
            reason = " ".join(str(cause).split())[:500]
            raise OnnxError(
                f"torch {torch.__version__} could not export {type(module).__name__}: "
                f"{type(cause).__name__}: {reason}"
            ) from error
        model = load(file)
    _strip(model)
    lower_ir_version(model)
    try:
        rename(model, axes={each: axes[name] for name in axes for each in names[name]})
    except OnnxError as error:
        raise OnnxError(
            f"torch took an axis of {type(module).__name__} that is to be dynamic for a constant, "
            f"as a branch of its forward on sizes makes it do: {error}"
        ) from error
    flush_subnormals(model)
    found = [value.name for value in model.graph.output]
    if found != list(outputs):
        raise OnnxError(f"expected outputs {', '.join(outputs)}, found {', '.join(found)}.")
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides the exporter's warnings: about its future, packages that nothing here uses, and what
    it does not fold."""
    with contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("torch.onnx", "onnxscript"):
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        yield


def _strip(model: ModelProto) -> None:
    """Take out stack traces and the like: they name files of this machine."""
    for node in nodes(model):
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for graph in graphs(model):
        graph.ClearField("metadata_props")
        graph.ClearField("doc_string")
        for value in named(graph):
            value.ClearField("metadata_props")
            value.ClearField("doc_string")
    for function in model.functions:
        function.ClearField("metadata_props")
        function.ClearField("doc_string")
    model.ClearField("metadata_props")


def _import_torch() -> Any:
    import onnxscript  # noqa: F401 (torch's exporter needs it)
    import torch

    return torch
