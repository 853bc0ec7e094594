"""config.pbtxt: read, printed, and held to what a Triton release knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from google.protobuf import text_format
from google.protobuf.message import Message

from repository.config import reason
from repository.config.bytes import NoText, readable
from repository.config.lines import parsed_lines
from repository.config.proto import pb
from repository.errors import RepositoryError
from repository.files.bounded_file import Unreadable, open_regular
from repository.release import Release

FILE_NAME = "config.pbtxt"


LARGEST_CONFIG = 16 << 20
"""Bytes; one of a thousand tensors and steps has a hundredth of it."""


class ConfigError(RepositoryError):
    """A config.pbtxt that is not a ``ModelConfig``: where, what was expected, what was found.

    Attributes:
        line: the line of the mistake, counted from 1; 0 if it has none.
        expected: what should be there.
        found: what is there.
        unknown_field: whether that is a field which no known release has.
    """

    def __init__(
        self,
        where: str,
        line: int,
        found: str,
        *,
        expected: str = "a ModelConfig as text",
        unknown_field: bool = False,
    ) -> None:
        place = f"{where}:{line}" if line else where
        super().__init__(f"{place}: expected {expected}, found {found}")
        self.line = line
        self.expected = expected
        self.found = found
        self.unknown_field = unknown_field


def unknown_fields(message: Message, release: Release) -> Iterator[tuple[Message, str]]:
    """Each set field that the release does not know, with the message that holds it."""
    for field, value in message.ListFields():
        if f"{message.DESCRIPTOR.name}.{field.name}" in release.unknown_fields:
            yield message, field.name
        elif field.message_type is None or not field.message_type.fields:
            continue
        elif field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key in sorted(value):
                    yield from unknown_fields(value[key], release)
        elif field.is_repeated:
            for member in value:
                yield from unknown_fields(member, release)
        else:
            yield from unknown_fields(value, release)


def to_text(config: pb.ModelConfig) -> str:
    """The config as the text of a config.pbtxt.

    ``max_batch_size`` is written even where it is 0, which protobuf leaves out: to Triton's
    auto-complete a missing value is an invitation.

    Raises:
        AssertionError: the text does not read back as the same config.
    """
    head = pb.ModelConfig()
    head.CopyFrom(config)
    tail = pb.ModelConfig()
    if not config.max_batch_size:
        tail.CopyFrom(config)
        for field, _ in config.ListFields():
            other: Message = tail if field.number < _BATCH_SIZE_NUMBER else head
            other.ClearField(field.name)
    text = _print(head) + ("" if config.max_batch_size else "max_batch_size: 0\n") + _print(tail)
    if parse(text.encode(), config.name) != config:
        raise AssertionError(f"the config of '{config.name}' does not read back as it was printed")
    return text


_BATCH_SIZE_NUMBER: int = pb.ModelConfig.DESCRIPTOR.fields_by_name["max_batch_size"].number


def _print(message: Message) -> str:
    return str(text_format.MessageToString(message, as_utf8=True))


def parse(text: bytes, where: str, *, skip_unknown: bool = False) -> pb.ModelConfig:
    """The config that a text describes.

    Args:
        text: the content of a config.pbtxt.
        where: what to call it in an error.
        skip_unknown: read over fields that no known Triton release has.

    Raises:
        ConfigError: it is no ``ModelConfig``.
    """
    try:
        lines, numbers = parsed_lines(readable(text))
        made = pb.ModelConfig()
        return text_format.Parse("\n".join(lines), made, allow_unknown_field=skip_unknown)
    except NoText as error:
        raise ConfigError(where, error.line, str(error)) from None
    except text_format.ParseError as error:
        line = error.GetLine()
        said = str(error)
        raise ConfigError(
            where,
            numbers[line - 1] if line else 0,
            reason.found(said),
            unknown_field=reason.UNKNOWN_FIELD in said,
        ) from None
    except RecursionError:
        raise ConfigError(where, 0, "messages that are nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise ConfigError(where, 0, reason.found(str(error))) from None


def read_config(path: Path) -> pb.ModelConfig:
    """The config in a file.

    Raises:
        ConfigError: it is no ``ModelConfig``, or no file.
        OSError: it cannot be read.
    """
    where = PurePath(path.parent.name, path.name).as_posix()
    try:
        with open_regular(path) as file:
            text = file.read(LARGEST_CONFIG + 1)
    except Unreadable as error:
        raise ConfigError(where, 0, error.found, expected=error.expected) from None
    if len(text) > LARGEST_CONFIG:
        raise ConfigError(where, 0, f"more than {LARGEST_CONFIG:,} bytes")
    return parse(text, where)
