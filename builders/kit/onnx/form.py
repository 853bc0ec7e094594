"""What can be known of an ONNX checkpoint before anything is made of it."""

from __future__ import annotations

from pathlib import Path

from onnx import ModelProto

from builders.kit.onnx.files import model_file
from builders.kit.sources.error import SourceError, told
from repository.onnx.header import OnnxUnreadable, read_model


def read_form(path: Path) -> ModelProto:
    """A model without the data of its larger weights.

    Args:
        path: an ONNX file, or a folder with one.

    Raises:
        SourceError: it is not a model.
        OnnxError: the folder has several.
    """
    file = model_file(path) if path.is_dir() else path
    try:
        with told():
            return read_model(file)
    except OnnxUnreadable as error:
        raise SourceError(
            f"{file}: expected an ONNX model, found another file: {error}. Check the source."
        ) from None
