"""What each Triton release understands: what a config may hold, and which ONNX it loads.

Sources: the fields of ``model_config.proto`` on the release branches of
triton-inference-server/common; ONNX Runtime's and Python's versions from the release
compatibility matrix of triton-inference-server/server; the newest opset and IR version by loading
a model of each into that version's onnxruntime wheel.
"""

from __future__ import annotations

from dataclasses import dataclass

from repository.errors import RepositoryError
from repository.findings import finding_of


class ReleaseError(RepositoryError):
    """A Triton release that is not known here."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A Triton release, by the tag of its container image.

    Attributes:
        name: the image's tag, as ``24.10``.
        server: the version that the server reports.
        python: the Python minor version of its Python backend's stub.
        onnxruntime: the version in its onnxruntime backend; empty if nobody has looked.
        newest_opset: the newest ONNX opset that this ONNX Runtime is known to load.
        newest_ir_version: the newest ONNX IR version that it is known to load.
        unknown_fields: fields of ``model_config.proto`` that came later, as ``Message.field``.
            A config that holds one does not load.
        bfloat16: whether its onnxruntime backend knows TYPE_BF16.
        batcher_stalls: whether a bounded queue in front of a single instance can stand still for
            half a second. A bound switches the batcher's prefetching off. The batcher is then woken
            just before the instance counts as idle, finds no idle one, and sleeps on. Release 26.08
            mended that.
    """

    name: str
    server: str
    python: str
    onnxruntime: str
    newest_opset: int
    newest_ir_version: int
    unknown_fields: frozenset[str] = frozenset()
    bfloat16: bool = False
    batcher_stalls: bool = True


_SINCE = {
    "ModelInput.is_non_linear_format_io": "24.08",
    "ModelOutput.is_non_linear_format_io": "24.08",
    "ModelConfig.model_metrics": "24.11",
    "ModelEnsembling.max_inflight_requests": "25.11",
}
"""The release that brought each field; all others are in every release listed here."""

_NEWEST_ONNX = {
    "1.17": (20, 9),
    "1.18": (21, 10),
    "1.19": (21, 10),
    "1.20": (21, 10),
    "1.21": (22, 10),
    "1.22": (22, 10),
    "1.23": (23, 11),
    "1.24": (25, 13),
    "1.27": (26, 13),
    "1.28": (26, 13),
    "": (26, 13),
}
"""ONNX Runtime's minor version -> the newest opset and IR version that it loads."""

_IMAGES = (
    ("24.04", "2.45.0", "1.17.3"),
    ("24.05", "2.46.0", "1.18.0"),
    ("24.06", "2.47.0", "1.18.0"),
    ("24.07", "2.48.0", "1.18.1"),
    ("24.08", "2.49.0", "1.18.1"),
    ("24.09", "2.50.0", "1.19.2"),
    ("24.10", "2.51.0", "1.19.2"),
    ("24.11", "2.52.0", "1.19.2"),
    ("24.12", "2.53.0", "1.20.1"),
    ("25.01", "2.54.0", "1.20.1"),
    ("25.02", "2.55.0", "1.20.1"),
    ("25.03", "2.56.0", "1.21.0"),
    ("25.04", "2.57.0", "1.21.0"),
    ("25.05", "2.58.0", "1.22.0"),
    ("25.06", "2.59.0", "1.22.0"),
    ("25.08", "2.60.0", "1.23.0"),
    ("25.09", "2.61.0", "1.23.0"),
    ("25.10", "2.62.0", "1.23.1"),
    ("25.11", "2.63.0", "1.23.2"),
    ("25.12", "2.64.0", "1.23.2"),
    ("26.01", "2.65.0", "1.23.2"),
    ("26.02", "2.66.0", "1.24.1"),
    ("26.03", "2.67.0", "1.24.2"),
    ("26.04", "2.68.0", "1.24.4"),
    ("26.05", "2.69.0", "1.24.4"),
    ("26.06", "2.70.0", "1.24.4"),
    ("26.07", "2.71.0", "1.27.0"),
    ("26.08", "2.72.0", "1.28.0"),
    ("26.09", "2.73.0", ""),
    ("26.10", "2.74.0", ""),
    ("26.11", "2.75.0", ""),
)
"""Image tag, server version, ONNX Runtime version. Tags sort as text."""


def _release(name: str, server: str, onnxruntime: str) -> Release:
    opset, ir_version = _NEWEST_ONNX[".".join(onnxruntime.split(".")[:2])]
    return Release(
        name=name,
        server=server,
        python="3.10" if name < "24.11" else "3.12",
        onnxruntime=onnxruntime,
        newest_opset=opset,
        newest_ir_version=ir_version,
        unknown_fields=frozenset(field for field, since in _SINCE.items() if name < since),
        bfloat16=name >= "26.03",
        batcher_stalls=name < "26.08",
    )


RELEASES = {image[0]: _release(*image) for image in _IMAGES}
"""Every release known here, by name, the oldest first."""


def release(name: str) -> Release:
    """The facts of a release.

    Raises:
        ReleaseError: not known here; the message lists those that are.
    """
    if name not in RELEASES:
        expected = f"a release that is known here: {', '.join(RELEASES)}"
        remedy = "Name one of those."
        raise ReleaseError([finding_of("release", "Triton", expected, f"'{name}'", remedy)])
    return RELEASES[name]
