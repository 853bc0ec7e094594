"""Errors as a command line tells them: behind each, the options that mend it.

The library names arguments of its functions, and knows no command: here each becomes an option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from repository.cli.naming.program import named
from repository.errors import KitError

if TYPE_CHECKING:
    from repository.findings import Finding

FLAGS = {"token": "--identity-token-file", "password": "--password-file"}
"""Arguments whose options are called otherwise."""


def told(problem: KitError | Finding, flags: Mapping[str, str] = FLAGS) -> str:
    """The text of an error or a finding, with the options and the commands that it names.

    Args:
        problem: what is wrong.
        flags: argument -> its option; one that is not there is the option of the same name.
    """
    if isinstance(problem, KitError) and problem.findings:
        return "\n".join(told(each, flags) for each in problem.findings)
    return named(with_flags(str(problem), problem.arguments, flags))


def with_flags(text: str, arguments: Sequence[str], flags: Mapping[str, str] = FLAGS) -> str:
    """A text that ends with a remedy, and the options for it."""
    if not arguments:
        return text
    options = (flags.get(each, f"--{each.replace('_', '-')}") for each in arguments)
    return f"{text.rstrip().rstrip('.')} ({', '.join(options)})."
