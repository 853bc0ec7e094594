"""The OCR pipeline as a typed call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clients.connection import PATIENCE, PipelineClient, output, tensor


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


class OcrClient(PipelineClient):
    """Calls the ``ocr`` pipeline over gRPC.

    A request that found no server, or whose connection was cut off before its answer came, is
    asked again: :class:`~clients.connection.Connection` says when, and why that is safe.

    Args:
        url: ``host:port``, also with ``grpc://``, or ``grpcs://`` for TLS; by default that of the
            environment variable ``TRITON_GRPC``, else ``127.0.0.1:8001``.
        model: ``ocr``, or ``ocr_bls``.
        timeout: seconds to wait for an answer, all tries together.
        patience: seconds for which a server that does not listen is asked again; 0 is never.
        waiting: is told, in a sentence, when a request is asked again.

    Raises:
        clients.address.AddressError: the URL is none of a gRPC server.
    """

    def __init__(
        self,
        url: str | None = None,
        model: str = "ocr",
        timeout: float = 60.0,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(url, timeout, patience, waiting)
        self._model = model

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
            clients.errors.RequestError: the server refused the image, is not there, or did
                not answer in time.
        """
        inputs = [tensor("image", np.frombuffer(image, np.uint8))]
        if minimum_score is not None:
            inputs.append(tensor("minimum_score", np.array([minimum_score], np.float32)))
        if maximum_side is not None:
            inputs.append(tensor("maximum_side", np.array([maximum_side], np.int32)))
        if orientation is not None:
            inputs.append(tensor("orientation", np.array([orientation], np.bool_)))
        result = self._connection.infer(self._model, inputs)
        columns = [output(result, name, self._model) for name in ("text", "boxes", "scores")]
        return [
            Line(
                text.decode("utf-8"),
                tuple((float(x), float(y)) for x, y in box),
                float(score),
            )
            for text, box, score in zip(*columns, strict=True)
        ]
