"""A request of ``generate``: its inputs, read and held to their bounds.

All inputs are optional, but exactly one of ``text_input`` and ``messages`` has to be there:

============================  ==============  ====================================================
``text_input``                BYTES [1]       a prompt, taken as it is
``messages``                  BYTES [1]       JSON; see :mod:`.messages`
``image``                     BYTES [-1]      encoded image files, or data: URIs of such in base64
``image_embeds``              FP32 [-1, -1]   rows in place of images, all images' one after another
``image_tokens``              INT32 [-1]      rows of each image; by default equally many
``max_tokens``                INT32 [1]       1 or more
``temperature``               FP32 [1]        0 to 2; 0, the default, takes the likeliest token
``top_p``                     FP32 [1]        above 0, up to 1, the default
``top_k``                     INT32 [1]       0, the default, is all
``frequency_penalty``,        FP32 [1]        -2 to 2, by default 0
``presence_penalty``
``seed``                      INT64 [1]       any; by default a new one
``stop``                      BYTES [-1]      texts that end the answer
``stream``, ``ignore_eos``    BOOL [1]        by default false
============================  ==============  ====================================================
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .messages import Message, read_messages

MOST_STOPS = 16
"""Stop texts of a request."""

LONGEST_STOP = 256
"""Bytes of a stop text: a stream holds back so much."""

TEMPERATURES = (0.0, 2.0)
PENALTIES = (-2.0, 2.0)


@dataclass(frozen=True)
class Limits:
    """What a model takes.

    Attributes:
        width: numbers of an image's row; 0 if it takes no rows, -1 if any number will do.
        files: whether it takes image files.
        images: images of a request.
        rows: rows of all images of a request.
        file_bytes: bytes of all image files of a request.
        text_bytes: bytes of a prompt, or of its messages.
    """

    width: int = 0
    files: bool = False
    images: int = 16
    rows: int = 1 << 16
    file_bytes: int = 64 << 20
    text_bytes: int = 1 << 20


@dataclass(frozen=True)
class Ask:
    """A request, within its bounds.

    Attributes:
        text: the prompt as it is; ``None`` if there are messages.
        messages: the chat; empty if there is a text. They have as many images as the request.
        image_files: encoded images.
        image_rows: FP32 [rows, width], contiguous and finite, in place of images; or ``None``.
        image_tokens: how many rows each image has; empty if there are no rows, or if a text has
            them and the places in it decide.
        max_tokens: the most tokens of an answer; ``None`` if that was not said.
        temperature, top_p, top_k, frequency_penalty, presence_penalty: as OpenAI has them.
        seed: ``None`` if that was not said.
        stop: texts that end the answer; none is empty.
        stream: whether the answer comes in pieces.
        ignore_eos: whether a token that ends the answer does not.
    """

    text: str | None = None
    messages: tuple[Message, ...] = ()
    image_files: tuple[bytes, ...] = ()
    image_rows: np.ndarray | None = None
    image_tokens: tuple[int, ...] = ()
    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    ignore_eos: bool = False


def read(inputs: Mapping[str, np.ndarray], limits: Limits) -> Ask:
    """The request in a model's inputs.

    Raises:
        InvalidArgument: a mistake in them; one sentence says which, what was expected and found.
    """
    text, messages = _prompt(inputs, limits)
    files = _files(inputs.get("image"), limits)
    rows = _rows(inputs.get("image_embeds"), limits)
    if files and rows is not None:
        raise InvalidArgument("expected image or image_embeds, found both")
    tokens = _tokens(inputs.get("image_tokens"), rows, limits)
    if text is None:
        tokens = _placed(sum(each.images for each in messages), files, rows, tokens, limits)
    return Ask(
        text=text,
        messages=messages,
        image_files=files,
        image_rows=rows,
        image_tokens=tokens,
        max_tokens=_whole(inputs, "max_tokens", 1),
        temperature=_between(inputs, "temperature", 0.0, *TEMPERATURES),
        top_p=_share(inputs, "top_p"),
        top_k=_whole(inputs, "top_k", 0) or 0,
        frequency_penalty=_between(inputs, "frequency_penalty", 0.0, *PENALTIES),
        presence_penalty=_between(inputs, "presence_penalty", 0.0, *PENALTIES),
        seed=_whole(inputs, "seed", None),
        stop=_stop(inputs.get("stop")),
        stream=_flag(inputs, "stream"),
        ignore_eos=_flag(inputs, "ignore_eos"),
    )


def tokens_to_generate(asked: int | None, default: int, prompt: int, context: int) -> int:
    """The most tokens of an answer.

    Args:
        asked: ``max_tokens`` of the request; ``None`` if that was not said.
        default: in place of it; cut to what the context has room for.
        prompt: tokens of the prompt.
        context: the most tokens of prompt and answer.

    Raises:
        InvalidArgument: there is no room for that many, or for any.
    """
    if (room := context - prompt) < 1:
        raise InvalidArgument(
            f"the prompt has {prompt} tokens; expected at most {context - 1}, as the context of "
            f"{context} holds the answer too"
        )
    if asked is not None and asked > room:
        raise InvalidArgument(
            f"max_tokens: expected at most {room}, which the prompt of {prompt} tokens leaves of "
            f"the context of {context}, found {asked}"
        )
    return min(default, room) if asked is None else asked


def shares(rows: int, images: int) -> tuple[int, ...]:
    """How many rows each image has if all have equally many.

    Raises:
        InvalidArgument: the rows cannot be shared equally.
    """
    if rows % images:
        raise InvalidArgument(
            f"image_embeds: expected a multiple of {images} rows for {images} images, found "
            f"{rows}; say in image_tokens how many each has"
        )
    return (rows // images,) * images


def _prompt(
    inputs: Mapping[str, np.ndarray], limits: Limits
) -> tuple[str | None, tuple[Message, ...]]:
    given = [name for name in ("text_input", "messages") if name in inputs]
    if len(given) != 1:
        raise InvalidArgument(
            f"expected text_input or messages, found {'both' if given else 'neither'}"
        )
    name = given[0]
    value = _bytes(_one(inputs[name], name))
    if not value:
        raise InvalidArgument(f"{name}: expected a text, found an empty one")
    if len(value) > limits.text_bytes:
        raise InvalidArgument(
            f"{name}: expected at most {limits.text_bytes} bytes, found {len(value)}"
        )
    text = _decoded(value, name)
    return (text, ()) if name == "text_input" else (None, read_messages(text))


def _files(given: np.ndarray | None, limits: Limits) -> tuple[bytes, ...]:
    if given is None or not given.size:
        return ()
    if not limits.files:
        raise InvalidArgument("image: this model takes no images")
    if given.size > limits.images:
        raise InvalidArgument(f"image: expected at most {limits.images}, found {given.size}")
    files = tuple(
        _file(_bytes(value), number) for number, value in enumerate(given.reshape(-1).tolist(), 1)
    )
    for number, each in enumerate(files, 1):
        if not each:
            raise InvalidArgument(f"image {number}: expected an image file, found no bytes")
    if (size := sum(map(len, files))) > limits.file_bytes:
        raise InvalidArgument(
            f"image: expected at most {limits.file_bytes} bytes of all images, found {size}"
        )
    return files


def _file(value: bytes, number: int) -> bytes:
    """An image's bytes: JSON has no other form for them than a ``data:`` URI."""
    if not value.startswith(b"data:"):
        return value
    head, comma, content = value.partition(b",")
    try:
        if comma and head.endswith(b";base64"):
            return base64.b64decode(content, validate=True)
    except binascii.Error:
        pass
    raise InvalidArgument(
        f"image {number}: expected data:image/…;base64, and the file in base64, found another URI"
    )


def _rows(given: np.ndarray | None, limits: Limits) -> np.ndarray | None:
    if given is None or not given.size:
        return None
    if not limits.width:
        raise InvalidArgument("image_embeds: this model takes no rows of images")
    wanted = f"[rows, {limits.width}]" if limits.width > 0 else "[rows, numbers]"
    if given.ndim != 2 or (limits.width > 0 and given.shape[1] != limits.width):
        raise InvalidArgument(f"image_embeds: expected {wanted}, found {_shape(given)}")
    if len(given) > limits.rows:
        raise InvalidArgument(
            f"image_embeds: expected at most {limits.rows} rows, found {len(given)}"
        )
    if given.dtype != np.float32:
        raise InvalidArgument(f"image_embeds: expected float32, found {given.dtype}")
    if not np.isfinite(given).all():
        raise InvalidArgument("image_embeds: expected finite numbers, found NaN or infinity")
    return np.ascontiguousarray(given)


def _tokens(given: np.ndarray | None, rows: np.ndarray | None, limits: Limits) -> tuple[int, ...]:
    if given is None or not given.size:
        return ()
    if rows is None:
        raise InvalidArgument("image_tokens: expected only with image_embeds, found them alone")
    if given.ndim != 1 or given.size > limits.images:
        raise InvalidArgument(
            f"image_tokens: expected a number for each of at most {limits.images} images, found "
            f"{_shape(given)}"
        )
    tokens = tuple(_number(each, "image_tokens") for each in given.tolist())
    if min(tokens) < 1:
        raise InvalidArgument(f"image_tokens: expected 1 or more, found {min(tokens)}")
    if (total := sum(tokens)) != len(rows):
        raise InvalidArgument(
            f"image_tokens: expected a sum of {len(rows)}, the rows of image_embeds, found {total}"
        )
    return tokens


def _placed(
    places: int,
    files: tuple[bytes, ...],
    rows: np.ndarray | None,
    tokens: tuple[int, ...],
    limits: Limits,
) -> tuple[int, ...]:
    """How many rows each image of the messages has; empty if there are no rows yet.

    Raises:
        InvalidArgument: the messages have places for more or fewer images than there are.
    """
    if rows is not None and places and not tokens:
        if places > limits.images:
            raise InvalidArgument(
                f"messages: expected at most {limits.images} images, found {places}"
            )
        return shares(len(rows), places)
    found = len(tokens) if rows is not None else len(files)
    if places != found or (rows is not None and not places):
        images = f"{found} images" if found else ("rows of images" if rows is not None else "none")
        raise InvalidArgument(
            f"expected an image for each of the {places} parts of type image in messages, found "
            f"{images}"
        )
    return tokens


def _stop(given: np.ndarray | None) -> tuple[str, ...]:
    if given is None or not given.size:
        return ()
    if given.size > MOST_STOPS:
        raise InvalidArgument(f"stop: expected at most {MOST_STOPS} texts, found {given.size}")
    values = [_bytes(value) for value in given.reshape(-1).tolist()]
    for each in values:
        if not each:
            raise InvalidArgument("stop: expected texts, found an empty one")
        if len(each) > LONGEST_STOP:
            raise InvalidArgument(
                f"stop: expected texts of at most {LONGEST_STOP} bytes, found one of {len(each)}"
            )
    return tuple(dict.fromkeys(_decoded(each, "stop") for each in values))


def _whole(inputs: Mapping[str, np.ndarray], name: str, least: int | None) -> int | None:
    if name not in inputs:
        return None
    value = _number(_one(inputs[name], name), name)
    if least is not None and value < least:
        raise InvalidArgument(f"{name}: expected {least} or more, found {value}")
    return value


def _between(
    inputs: Mapping[str, np.ndarray], name: str, default: float, least: float, most: float
) -> float:
    value = _real(inputs, name, default)
    if not least <= value <= most:
        raise InvalidArgument(f"{name}: expected from {least:g} to {most:g}, found {value:g}")
    return value


def _share(inputs: Mapping[str, np.ndarray], name: str) -> float:
    value = _real(inputs, name, 1.0)
    if not 0 < value <= 1:
        raise InvalidArgument(f"{name}: expected above 0 and up to 1, found {value:g}")
    return value


def _real(inputs: Mapping[str, np.ndarray], name: str, default: float) -> float:
    if name not in inputs:
        return default
    value = _one(inputs[name], name)
    if not isinstance(value, float | int) or isinstance(value, bool):
        raise InvalidArgument(f"{name}: expected a number, found {type(value).__name__}")
    if not math.isfinite(value):
        raise InvalidArgument(f"{name}: expected a finite number, found {value}")
    return float(value)


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(f"{name}: expected a whole number, found {type(value).__name__}")
    return value


def _flag(inputs: Mapping[str, np.ndarray], name: str) -> bool:
    if name not in inputs:
        return False
    value = _one(inputs[name], name)
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}: expected true or false, found {type(value).__name__}")
    return value


def _one(given: np.ndarray, name: str) -> Any:
    if given.size != 1:
        raise InvalidArgument(f"{name}: expected one value, found {_shape(given)}")
    return given.reshape(-1).tolist()[0]


def _shape(given: np.ndarray) -> str:
    return f"a tensor of shape {list(given.shape)}"


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _decoded(value: bytes, name: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"{name}: expected UTF-8, found other bytes at byte {error.start}"
        ) from None
