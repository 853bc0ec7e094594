"""One artefact, the command that reads it, and what the command may then say and leave behind."""

from __future__ import annotations

import ast
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.repository.transfer.oci.hostile_registry import Hostile

ROOT = Path(__file__).parents[3]

SECRET = "a secret of nobody's repository"
"""What lies beside the case's folder, in ``secret.txt``: no command may show it."""

LONGEST_SECONDS = 20.0
"""Of a processor; a good artefact takes two at most."""

MOST_BYTES = 1 << 30
"""Memory that a command may add. The largest JSON that is read takes half of it."""

LONGEST_LINE = 9000
LONGEST_TEXT = 1 << 20
"""Characters. A finding has four parts of 2000 at most."""

OWN = (
    *("run/triton-kit", "run/triton-kit/0123abcd", "run/triton-kit/0123abcd/command.json"),
    *("home/.cache", "home/.cache/Microsoft", "home/.cache/Microsoft/DeveloperTools"),
    *("home/.cache/Microsoft/DeveloperTools/.onnxruntime",),
)
"""The folder of all servers' states, and what a server that is gone left there; and where ONNX
Runtime keeps a number of this machine when it makes a session."""

_CLASSES = re.compile(
    r"\b(?!Error\b)[A-Za-z_]+(?:Error|Exception)\b|\bErrno\b|\bTraceback\b|\bStopIteration\b"
    r"|<class '|\bobject at 0x|\bFile \""
)
_SOURCE = re.compile(rf"{re.escape(str(ROOT))}/[\w/.-]*\.py\b")


@dataclass(frozen=True)
class Ran:
    """What came of a command.

    Attributes:
        code: its exit code; negative for a signal.
        out: its standard output.
        err: its standard error.
        seconds: of a processor.
        late: whether it had to be ended.
        bytes: of memory that it added.
        log: what it did and should not.
    """

    code: int
    out: bytes
    err: bytes
    seconds: float
    late: bool
    bytes: int
    log: str


def nothing_more(_folder: Path, _ran: Ran) -> str:
    """The judge of a command that succeeds by its exit code alone."""
    return ""


@dataclass(frozen=True)
class Artefact:
    """One case.

    Attributes:
        what: in a few words.
        write: writes it into the empty folder that the command runs in.
        command: the program and its arguments; ``{host}`` is the server that lies, and
            ``{work}`` the folder that it runs in.
        content: its main file, for the report.
        codes: exit codes that are right.
        made: what a success may write, relative to that folder.
        partly: what a refusal may leave, likewise.
        judge: what is wrong with a success; "" if nothing is.
        lies: what the server that lies says.
        alone: run as a process of its own in any case, or never; None leaves it to chance.
    """

    what: str
    write: Callable[[Path], object]
    command: tuple[str, ...]
    content: bytes = b""
    codes: frozenset[int] = frozenset({0, 1, 2})
    made: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()
    judge: Callable[[Path, Ran], str] = nothing_more
    lies: Hostile | None = None
    alone: bool | None = None


Listing = Mapping[str, tuple[object, ...]]


def listing(folder: Path) -> Listing:
    """All below a folder, by relative path: kind, size, time of change, where a link leads."""
    found: dict[str, tuple[object, ...]] = {}
    pending = [folder]
    while pending:
        for entry in os.scandir(pending.pop()):
            facts = entry.stat(follow_symlinks=False)
            kind = stat.S_IFMT(facts.st_mode)
            name = os.path.relpath(entry.path, folder)
            if kind == stat.S_IFDIR:
                pending.append(Path(entry.path))
                found[name] = (kind,)
            else:
                link = os.readlink(entry.path) if kind == stat.S_IFLNK else ""  # noqa: PTH115
                found[name] = (kind, facts.st_size, facts.st_mtime_ns, link)
    return found


def fault(artefact: Artefact, folder: Path, ran: Ran, before: Listing, after: Listing) -> str:
    """What is wrong with what a command did; "" if nothing is.

    Args:
        artefact: what it was given.
        folder: where the case lies; the command ran in its ``work``.
        ran: what came of it.
        before: all that lay in the folder then.
        after: and afterwards.
    """
    if ran.late:
        return "it did not end"
    if ran.code < 0:
        return f"a signal ended it, {-ran.code}"
    text = ran.out + ran.err
    if wrong := _text_fault(text):
        return f"{wrong}: {text[-1500:].decode(errors='replace')!r}"
    if ran.log:
        return f"it did what it should not: {ast.literal_eval(ran.log.splitlines()[0])}"
    if ran.code not in artefact.codes:
        right = " or ".join(map(str, sorted(artefact.codes)))
        return f"exit code {ran.code}, not {right}: {text[-800:].decode(errors='replace')!r}"
    if ran.code and not ran.err.strip() and not ran.out.strip():
        return f"exit code {ran.code} without a word"
    if ran.seconds > LONGEST_SECONDS:
        return f"it took {ran.seconds:.1f} s of a processor"
    if ran.bytes > MOST_BYTES:
        return f"it took {ran.bytes >> 20} MiB of memory"
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    may = artefact.partly if ran.code else artefact.made
    left = sorted(name for name in changed if not _below(name, may))
    if left:
        return f"exit code {ran.code}, and {', '.join(left[:4])} changed"
    return "" if ran.code else artefact.judge(folder / "work", ran)


def _below(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether a path, relative to the case's folder, is one that may change."""
    return name in OWN or any(
        name == f"work/{each}" or name.startswith(f"work/{each}/") for each in allowed
    )


def _text_fault(text: bytes) -> str:
    try:
        said = text.decode()
    except UnicodeDecodeError:
        return "the output is no UTF-8"
    if SECRET in said or "root:x:0:0" in said:
        return "the output shows another file"
    if found := _CLASSES.search(said):
        return f"the output shows '{found.group()}'"
    if found := _SOURCE.search(said):
        return f"the output shows '{found.group()}'"
    if len(said) > LONGEST_TEXT:
        return f"the output has {len(said)} characters"
    for line in said.split("\n"):
        if len(line) > LONGEST_LINE:
            return f"a line of the output has {len(line)} characters"
        if not line.isprintable():
            return "the output cannot be printed"
    return ""
