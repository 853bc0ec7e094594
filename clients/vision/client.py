"""The vision pipelines as typed calls: a vector for an image, and for a text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from clients.connection.bounds import PATIENCE
from clients.connection.connection import PipelineClient, output, tensor
from clients.connection.errors import CutOff, RequestError

IMAGES, TEXTS = "vision", "vision_text"
"""The pipelines."""

Vector = npt.NDArray[np.float32]
"""FP32 [width], of length 1."""

_ADDED_BY = {
    IMAGES: "the profile's key families: {vision: } adds it",
    TEXTS: "the profile's key families: {vision: {text: …}} adds it, with the checkpoint of a text "
    "tower in the space of the images' vectors, as CLIP's or SigLIP's",
}


class VisionClient(PipelineClient):
    """Calls the pipelines ``vision`` and ``vision_text`` over gRPC.

    It may be called from several threads at once.

    Args:
        url: ``host:port``, also with ``grpc://``, or ``grpcs://`` for TLS; by default that of the
            environment variable ``TRITON_GRPC``, else ``127.0.0.1:8001``.
        timeout: seconds to wait for an answer, all tries together.
        patience: seconds for which a server that does not listen is asked again; 0 is never.
        waiting: is told, in a sentence, when a request is asked again.

    Raises:
        AddressError: the URL is not one of a gRPC server.
    """

    def __init__(
        self,
        url: str | None = None,
        timeout: float = 60.0,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(url, timeout, patience, waiting)

    def image(self, file: bytes) -> Vector:
        """The vector of an image.

        Args:
            file: an encoded image: JPEG, PNG, WebP, TIFF, BMP or GIF.

        Raises:
            RequestError: the server refused it, has no such pipeline, or gave no answer.
        """
        return self._vector(IMAGES, "image", np.frombuffer(file, np.uint8), "pooled")

    def text(self, text: str) -> Vector:
        """The vector of a text, which is near those of the images that it fits.

        Raises:
            RequestError: as :meth:`image`.
        """
        given = np.array([text.encode("utf-8", "replace")], np.object_)
        return self._vector(TEXTS, "text", given, "text_pooled")

    def _vector(self, model: str, name: str, given: npt.NDArray[np.generic], of: str) -> Vector:
        try:
            result = self._connection.infer(model, [tensor(name, given)])
        except CutOff:
            raise
        except RequestError as problem:
            if "unknown model" not in str(problem):
                raise
            raise RequestError(
                "NOT_FOUND", f"the server has no pipeline '{model}'; {_ADDED_BY[model]}"
            ) from problem
        found = output(result, of, model).reshape(-1).astype(np.float32)
        length = float(np.linalg.norm(found))
        return found / np.float32(length) if length else found
