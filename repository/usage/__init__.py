"""What users and tools need of a pipeline, as its family declares it in ``usage.py``.

A family's module ``usage.py`` has a :data:`USAGE`, by the pipelines' names::

    USAGE = {
        "toy": Usage(
            words="Double each number and add one.",
            question=Question(inputs={"x": [1, 2]}, answer={"y": Numbers([3, 5], absolute=1e-6)}),
            requests=({"x": [1, 2]}, {"x": HERE / "many.npy"}),
        )
    }

It is read by commands that ask, measure and size, so it imports nothing heavy: no model's library,
and nothing of ``builders.kit``. What takes long stands in functions that import what they need.
:func:`repository.usage.found.usages` finds the families' modules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from repository.arrays import Array, Arrays

Value: TypeAlias = "bool | int | float | str | Sequence[Value]"
"""A number or a text, or nested lists of them."""

Input: TypeAlias = "Value | Path | Callable[[], Array]"
"""One input of a request: a value; a file, of which an ``.npy`` is an array and any other its
bytes; or a function that makes an array. The pipeline's own type and axes decide what becomes of
it: :mod:`repository.usage.tensors`."""

Inputs: TypeAlias = Mapping[str, Input]
"""A request: its inputs by name."""


@dataclass(frozen=True)
class Texts:
    """Texts that an output has to be, one after the other.

    Attributes:
        expected: the texts, or a file with one in each line.
    """

    expected: Sequence[str] | Path


@dataclass(frozen=True)
class Numbers:
    """Numbers that an output has to be, within a tolerance.

    Attributes:
        expected: as an input is declared.
        absolute: by how much each may differ.
        relative: by how much more, as a share of the expected one's magnitude.
    """

    expected: Input
    absolute: float = 0.0
    relative: float = 0.0


Answer: TypeAlias = Mapping[str, Texts | Numbers]
"""What a pipeline should answer: outputs by name. Others are not looked at."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A real request to a pipeline, and its known answer.

    Attributes:
        inputs: the request.
        answer: the answer that it has to get.
    """

    inputs: Inputs
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Largest:
    """The largest request to a pipeline that a server is sized for.

    Attributes:
        words: what it is, as "a page of text of 4000x3000 pixels".
        inputs: makes it. A model whose requests come in sequences also gets ``start``, ``end`` and
            ``correlation``.
        elsewhere: another server answers it, so that no model runs: it counts by its size alone.
    """

    words: str
    inputs: Callable[[], Arrays]
    elsewhere: bool = False


@dataclass(frozen=True)
class ClientOption:
    """An input that a user may give beside the file.

    Attributes:
        name: the input's.
        words: what it does, a sentence for the command's help.
    """

    name: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of ``python -m clients`` for a pipeline, with options of its own.

    Attributes:
        run: the command, as typer takes one; its name is the function's.
        examples: shown below its help, in Markdown.
    """

    run: Callable[..., None]
    examples: str = ""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What users and tools need of a pipeline. Its BLS twin is used as it is.

    Attributes:
        words: what it does, in a sentence.
        question: a request with a known answer: ``smoke`` asks it.
        requests: real requests, of several sizes: ``perf compare`` measures with them.
        largest: what ``builders resources`` sizes a server for.
        file: how ``ask`` makes a request of a user's file: the name of the input that gets its
            content, or a function from the file to inputs. Empty: it takes no file.
        options: what else ``ask`` takes.
        show: the outputs, as a person reads them. None: the tensors.
        command: a command of its own.
        note: what a measurement with these requests has to say of them; empty if nothing.
        varying: outputs that differ if a request is asked again, as what a cache saved.
    """

    words: str
    question: Question | None = None
    requests: Sequence[Inputs] = ()
    largest: Largest | None = None
    file: str | Callable[[Path], Inputs] = ""
    options: Sequence[ClientOption] = ()
    show: Callable[[Arrays], str] | None = None
    command: Command | None = None
    note: str = ""
    varying: Sequence[str] = ()
