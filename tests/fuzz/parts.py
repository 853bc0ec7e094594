"""The parts of a campaign, in their order.

A new part is a :class:`tests.fuzz.case.Part` in a module of its own, named here. One that needs no
server (repositories, manifests and profiles to check, answers of a registry to a pull) does not
look at the target that its cases are given.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.case import Part
from tests.fuzz.direct import DIRECT
from tests.fuzz.malformed import HTTP
from tests.fuzz.media import IMAGES, SOUNDS
from tests.fuzz.odd_proto import MESSAGES
from tests.fuzz.raw_grpc import FRAMES
from tests.fuzz.streams import STREAMS

PARTS: Sequence[Part] = (IMAGES, SOUNDS, STREAMS, DIRECT, HTTP, MESSAGES, FRAMES)
