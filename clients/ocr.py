"""The OCR pipeline as a typed call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import tritonclient.grpc as grpc

from clients.errors import one_sentence


@dataclass(frozen=True)
class Line:
    """One line of text.

    Attributes:
        text: what was read.
        box: its four corners (x, y) in pixels of the image, from the line's top left clockwise.
        score: the confidence, 0 to 1.
    """

    text: str
    box: tuple[tuple[float, float], ...]
    score: float


class OcrClient:
    """Calls the ``ocr`` pipeline over gRPC.

    Args:
        url: ``host:port``; by default that of the environment variable ``TRITON_GRPC``, else
            ``127.0.0.1:8001``.
        model: ``ocr``, or ``ocr_bls``.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, url: str | None = None, model: str = "ocr", timeout: float = 60.0) -> None:
        self._url = url or os.environ.get("TRITON_GRPC", "127.0.0.1:8001")
        self._model, self._timeout = model, timeout
        self._client = grpc.InferenceServerClient(self._url)

    def __enter__(self) -> OcrClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def read(
        self,
        image: bytes,
        *,
        minimum_score: float | None = None,
        maximum_side: int | None = None,
        orientation: bool | None = None,
    ) -> list[Line]:
        """The lines of a page in reading order; none for a page without text.

        Args:
            image: an encoded file: JPEG, PNG, WebP, TIFF or BMP.
            minimum_score: leave out lines with a lower confidence.
            maximum_side: the longest side, in pixels, at which text is looked for.
            orientation: find out which way up the page is; the server's default is to do so.

        Raises:
            clients.errors.RequestError: the server refused the image or is not there.
        """
        inputs = [_input("image", np.frombuffer(image, np.uint8), "UINT8")]
        if minimum_score is not None:
            inputs.append(_input("minimum_score", np.array([minimum_score], np.float32), "FP32"))
        if maximum_side is not None:
            inputs.append(_input("maximum_side", np.array([maximum_side], np.int32), "INT32"))
        if orientation is not None:
            inputs.append(_input("orientation", np.array([orientation], np.bool_), "BOOL"))
        with one_sentence(self._url):
            result = self._client.infer(self._model, inputs, client_timeout=self._timeout)
        columns = (result.as_numpy(name) for name in ("text", "boxes", "scores"))
        return [
            Line(
                text.decode("utf-8"),
                tuple((float(x), float(y)) for x, y in box),
                float(score),
            )
            for text, box, score in zip(*columns, strict=True)
        ]


def _input(name: str, array: npt.NDArray[Any], dtype: str) -> Any:
    tensor = grpc.InferInput(name, list(array.shape), dtype)
    tensor.set_data_from_numpy(array)
    return tensor
