"""The parts of a campaign, in their order.

A new part is a :class:`tests.fuzz.case.Part` in a module of its own, named here. One that needs no
server brings its own :class:`tests.fuzz.case.Place`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.artefacts.part import ARTEFACTS
from tests.fuzz.case import Part
from tests.fuzz.media.media import IMAGES, SOUNDS
from tests.fuzz.media.streams import STREAMS
from tests.fuzz.requests.direct import DIRECT
from tests.fuzz.requests.malformed import HTTP
from tests.fuzz.requests.odd_proto import MESSAGES
from tests.fuzz.requests.raw_grpc import FRAMES

PARTS: Sequence[Part] = (ARTEFACTS, IMAGES, SOUNDS, STREAMS, DIRECT, HTTP, MESSAGES, FRAMES)
