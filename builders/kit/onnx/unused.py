"""transformers without its list of weights that it does not use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from builders.kit.onnx.torch import transformers_alone


@contextlib.contextmanager
def unused_is_no_news() -> Iterator[Any]:
    """The package transformers, for one thread at a time, as errors alone.

    A part of a model leaves weights of its checkpoint unused, and transformers prints their names.
    Those that are missing :func:`builders.kit.onnx.load_transformers` refuses.
    """
    with transformers_alone() as transformers:
        logging = transformers.utils.logging
        before = logging.get_verbosity()
        logging.set_verbosity_error()
        try:
            yield transformers
        finally:
            logging.set_verbosity(before)
