"""What can go wrong with a remote server, in words for the client and for the log."""

from __future__ import annotations

from builders.kit.unavailable import Unavailable

WHO = "the remote decoder"
"""What it is called before a client: its address is none of their business."""


class RemoteFault(Unavailable):
    """The remote server did not answer as it should; the text is for the client.

    Attributes:
        detail: what the log says besides.
        again: whether another attempt may do better, if nothing of the answer came yet.
        after: seconds before which it asked not to be asked again.
    """

    def __init__(
        self, what: str, detail: str = "", *, again: bool = False, after: float = 0.0
    ) -> None:
        super().__init__(f"{WHO} {what}")
        self.detail = detail
        self.again = again
        self.after = after


class ConnectionLost(RemoteFault):
    """A connection was closed before the first byte of an answer."""


class ClosedEarly(RemoteFault):
    """An answer was cut off."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("closed the connection before the end of its answer", detail, again=True)
