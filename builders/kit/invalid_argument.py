"""How a stage refuses a request; a copy lies in every version folder, among the stages.

It keeps to Python 3.10 and the standard library.
"""

from __future__ import annotations


class InvalidArgument(ValueError):
    """The request is at fault: the client reads this text, one sentence, as INVALID_ARG.

    It is a class of our own, since libraries raise ``ValueError`` with texts that no client should
    read: they name files, or say what only the code's author understands.
    """
