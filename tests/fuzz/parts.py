"""The parts of a campaign, in their order.

A new part is a :class:`tests.fuzz.case.Part` in a module of its own, named here. One that needs no
server brings its own :class:`tests.fuzz.case.Place`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.artefacts.part import ARTEFACTS
from tests.fuzz.case import Part
from tests.fuzz.direct import DIRECT
from tests.fuzz.malformed import HTTP
from tests.fuzz.media import IMAGES, SOUNDS
from tests.fuzz.odd_proto import MESSAGES
from tests.fuzz.raw_grpc import FRAMES
from tests.fuzz.streams import STREAMS

PARTS: Sequence[Part] = (ARTEFACTS, IMAGES, SOUNDS, STREAMS, DIRECT, HTTP, MESSAGES, FRAMES)
