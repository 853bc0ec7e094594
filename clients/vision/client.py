"""The vision pipelines as typed calls: a vector for an image, and for a text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clients.connection.connection import PipelineClient, output, tensor
from clients.connection.errors import RequestError, UnknownModel

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

    It may be called from several threads at once. The arguments are those of
    :class:`.PipelineClient`.
    """

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
        except UnknownModel as problem:
            raise RequestError(
                "NOT_FOUND", f"the server has no pipeline '{model}'; {_ADDED_BY[model]}"
            ) from problem
        found = output(result, of, model).reshape(-1).astype(np.float32)
        length = float(np.linalg.norm(found))
        return found / np.float32(length) if length else found
