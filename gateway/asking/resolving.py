"""What a conversation names and brings is fetched, decoded and heard before a model is asked."""

from __future__ import annotations

import numpy as np

from clients.asr.client import segments_of
from gateway.asking.messages import Conversation
from gateway.errors import ApiError
from gateway.fetching.data_uri import image_of, is_data
from gateway.fetching.fetch import Fetcher
from gateway.together import together
from gateway.triton.catalogue import Catalogue, Use
from gateway.triton.server import Triton


class Resolver:
    """Makes files of addresses, and texts of sounds.

    Args:
        triton: the server.
        catalogue: its models.
        fetcher: of images.
        speech: the pipeline that reads sound.
    """

    def __init__(self, triton: Triton, catalogue: Catalogue, fetcher: Fetcher, speech: str) -> None:
        self._triton, self._catalogue = triton, catalogue
        self._fetcher, self._speech = fetcher, speech

    async def image(self, url: str, param: str) -> bytes:
        """The encoded file that a data URI has, or that a URL names.

        Raises:
            ApiError: there is none, or it may not be fetched.
        """
        return image_of(url, param) if is_data(url) else await self._fetcher.image(url, param)

    async def images(self, conversation: Conversation) -> list[bytes]:
        """Its images; and its sounds' texts are put into their parts.

        Raises:
            ApiError: as :meth:`image`, or a sound could not be read.
        """
        sounds = [self._hear(*each) for each in conversation.sounds]
        images = [self.image(url, "messages") for url in conversation.images]
        found = await together([*images, *sounds])
        return [each for each in found if each is not None]

    async def _hear(self, sound: bytes, part: dict[str, object]) -> None:
        try:
            await self._catalogue.model(self._speech, Use.SPEECH)
        except ApiError as problem:
            if problem.status != 404:
                raise
            told = "'input_audio' is not supported here: no pipeline that reads speech is served"
            raise ApiError(400, told, param="messages", code="unsupported_parameter") from None
        answer = await self._triton.infer(self._speech, {"audio": np.frombuffer(sound, np.uint8)})
        segments = segments_of(answer, self._speech)
        part["text"] = " ".join(each.text for each in segments)
