"""What people have instead of an ONNX file, and what to do with it."""

from __future__ import annotations

from pathlib import Path

from builders.kit.sources.error import SourceError
from repository.files.reading import POINTER, content, is_file, is_pointer

_TORCH = (
    "a PyTorch file, a pickle that runs code when it is read",
    "Load it where you trust it, and write an ONNX file with torch.onnx.export.",
)
_PICKLE = (
    "a pickle, which runs code when it is read",
    "Load it where you trust it, and convert the model: skl2onnx for scikit-learn, onnxmltools for "
    "XGBoost and LightGBM, torch.onnx.export for PyTorch.",
)
_SAFETENSORS = (
    "safetensors: weights without the graph that uses them",
    "Export the model to ONNX (torch.onnx.export, or optimum-cli export onnx), or build its "
    "checkpoint with a family that knows it.",
)
_KERAS = ("a Keras file", "Convert it with tf2onnx.")
_TENSORFLOW = ("a TensorFlow model", "Convert it with tf2onnx.")
_TFLITE = ("a TensorFlow Lite model", "Convert it with tf2onnx (--tflite).")
_BOOSTER = ("a model of XGBoost or LightGBM", "Convert it with onnxmltools.")
_GGUF = (
    "a language model for llama.cpp",
    "Serve it with that, or export the original checkpoint to ONNX (optimum-cli export onnx).",
)
_PLAN = (
    "a TensorRT plan, which runs on one kind of GPU alone",
    "Name the ONNX file that it was made from.",
)
_ORT = ("a model in onnxruntime's own format", "Name the ONNX file that it was made from.")
_COMPRESSED = ("a compressed archive", "Unpack it, and name the ONNX file.")
_PAGE = (
    "a web page, which was fetched in the file's place",
    "Fetch the file itself, from its address for downloads.",
)
_OPENVINO = ("a model of OpenVINO", "Name the ONNX file that it was made from.")

_POINTER = (POINTER, "Fetch the file itself, with git lfs pull.")

_BY_SUFFIX = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".ckpt": _TORCH,
    ".bin": _TORCH,
    ".pkl": _PICKLE,
    ".pickle": _PICKLE,
    ".joblib": _PICKLE,
    ".npy": _PICKLE,
    ".safetensors": _SAFETENSORS,
    ".h5": _KERAS,
    ".hdf5": _KERAS,
    ".keras": _KERAS,
    ".pb": _TENSORFLOW,
    ".tflite": _TFLITE,
    ".ubj": _BOOSTER,
    ".gguf": _GGUF,
    ".engine": _PLAN,
    ".plan": _PLAN,
    ".trt": _PLAN,
    ".ort": _ORT,
    ".xml": _OPENVINO,
    ".zip": _COMPRESSED,
    ".gz": _COMPRESSED,
    ".tar": _COMPRESSED,
}

_BY_MAGIC = (
    (0, b"PK\x03\x04", _COMPRESSED),
    (0, b"\x80\x02", _PICKLE),
    (0, b"\x80\x03", _PICKLE),
    (0, b"\x80\x04", _PICKLE),
    (0, b"\x80\x05", _PICKLE),
    (0, b"\x89HDF\r\n", _KERAS),
    (0, b"\x1f\x8b", _COMPRESSED),
    (0, b"GGUF", _GGUF),
    (0, b"ftrt", _PLAN),
    (4, b"TFL3", _TFLITE),
    (4, b"ORTM", _ORT),
    (7, b'\x00{"', _SAFETENSORS),
)
"""Where bytes stand, the bytes, and what a file is that has them."""

_HEAD = 256
"""Bytes that are looked at: enough for the name of an archive's first file."""


def refuse_other_formats(path: Path) -> None:
    """Refuse a file in a known format other than ONNX.

    Args:
        path: of the file; if it is missing, opening it says so.

    Raises:
        SourceError: it is in such a format; the message says what to do instead.
    """
    known = _POINTER if is_pointer(path) else _BY_SUFFIX.get(path.suffix.lower())
    if known is None and is_file(path):
        head = content(path, _HEAD)
        known = next((each for at, magic, each in _BY_MAGIC if head[at:].startswith(magic)), None)
        if known is _COMPRESSED and b"data.pkl" in head:
            known = _TORCH
        if known is None and head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
            known = _PAGE
    if known is not None:
        found, remedy = known
        raise SourceError(f"{path}: expected an ONNX model, found {found}. {remedy}")
