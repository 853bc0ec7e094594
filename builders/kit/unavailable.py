"""How a stage refuses a request that it has no room for; a copy lies in every version folder.

It keeps to Python 3.10 and the standard library.
"""

from __future__ import annotations


class Unavailable(RuntimeError):
    """Too much is under way, or what answers is away: the client reads this text as UNAVAILABLE.

    The text is one sentence. The same request may be answered later.
    """
