"""A folder of a PersistentVolumeClaim as a store, through a pod that mounts it.

Every file goes through one ``kubectl exec`` of its own. What is under way lies in ``.pull/`` of the
folder, by its SHA-256, as where a mounted folder is pushed to: a file that was cut off goes on
where it broke, also in the next push. The pod hashes a file before it gets its name.

It was tried with a stand-in for kubectl that runs the scripts on this machine, under coreutils and
busybox, and **never on a cluster**.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import select
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from repository.manifest import MAXIMUM_BYTES, UNDER_WAY, File
from repository.transfer.address import Claim
from repository.transfer.claim.kubectl import Cluster, Kubectl, ended, refusal
from repository.transfer.claim.pod import CONTAINER, ROOT, claim_pod
from repository.transfer.claim.scripts import (
    AROUND,
    FINISH,
    HASH,
    LIST,
    PRUNE,
    READ,
    REFUSED,
    REMOVE,
    STATE,
    WRITE,
)
from repository.transfer.contents import CHUNK
from repository.transfer.errors import TransferError, plain
from repository.transfer.store import Entry, Told

_ATTEMPTS = 5
"""How often a broken connection is made anew without a byte of progress between."""

_JOURNAL = f"{UNDER_WAY}/names"
"""What pushes that were cut off were about to write: a path a line."""

_ANSWERED = 3600.0
"""Seconds that a script gets for its answer: hashing a large file on a slow volume takes long."""

_SAID = 64 << 10
"""Bytes of what a command says of its errors that are read."""

_SENT = 300.0
"""Seconds in which the next bytes of a file have to come."""

_PROGRESS = 64 << 10
"""A broken connection that carried so many bytes counts as one that worked."""

_PAUSE = 0.5
"""Seconds before the second attempt; each further one waits that much longer."""

_END = b"\0"
_HEX, _NUMBER = re.compile(r"[0-9a-f]{1,8}"), re.compile(r"[0-9]{1,18}")
_GONE = ("NotFound", "container not found", "completed pod", "not running")
_IMAGE = "Name an image with busybox or coreutils"
_REMEDIES = (
    ("No space left", "the volume is full", "Make room in it, or take a larger claim"),
    ("quota exceeded", "the volume's quota is used up", "Make room in it, or raise the quota"),
    ("Read-only file system", "the volume is read-only", "Take a claim that may be written to"),
    (
        "ermission denied",
        "a folder that user 1000 may not use",
        "Name a folder of the claim, as pvc:claim/models, not its root; where its owner is another "
        "user, push from a pod of that user's that mounts it, as pvc:/mnt/models",
    ),
    ("Is a directory", "a folder in the file's place", "Remove it, or push to another folder"),
    ("Not a directory", "a file in a folder's place", "Remove it, or push to another folder"),
    (": not found", "an image without it", _IMAGE),
)


class _Broken(Exception):
    """The connection ended before the answer did; what kubectl said."""


@contextlib.contextmanager
def claim_store(
    claim: Claim, cluster: Cluster, *, writable: bool, note: Callable[[str], None]
) -> Iterator[ClaimStore]:
    """The files of a claim's folder, for as long as the block lasts.

    Args:
        claim: which.
        cluster: where it is.
        writable: False to read only.
        note: gets a line now and then while the pod starts.

    Raises:
        TransferError: see :func:`repository.transfer.claim.pod.claim_pod`.
    """
    kubectl = Kubectl(cluster)
    with claim_pod(kubectl, claim, cluster, writable=writable, note=note) as pod:
        yield ClaimStore(kubectl, claim, pod)


class ClaimStore:
    """The files below a claim's folder.

    Args:
        kubectl: of the claim's namespace.
        claim: which folder.
        pod: the name of a running pod that mounts it.
    """

    def __init__(self, kubectl: Kubectl, claim: Claim, pod: str) -> None:
        self._kubectl = kubectl
        self._claim = claim
        self._pod = pod
        self._folder = f"{ROOT}/{claim.path}".rstrip("/")
        self._entries: dict[str, Entry] = {}
        self._begun: dict[str, int] = {}
        self._hashes: dict[str, str] = {}
        self._noted = 0
        self._journal: frozenset[str] | None = None

    @property
    def place(self) -> str:
        """``pvc://claim/path``."""
        return str(self._claim)

    def entries(self) -> dict[str, Entry]:
        """Everything there except folders. What is not a regular file has -1 bytes.

        A volume's ``lost+found`` is among it: Triton would take it for a model.
        """
        self._entries.clear()
        self._begun.clear()
        self._noted = 0
        for text in self._ask(self.place, LIST):
            *facts, name = text.split(" ", 4)
            entry = _entry(self.place, facts)
            if name == _JOURNAL:
                self._noted = max(0, entry.bytes)
            elif name.startswith(f"{UNDER_WAY}/"):
                self._begun[name.rpartition("/")[2]] = entry.bytes
            else:
                self._entries[name] = entry
        return dict(self._entries)

    def tag(self, name: str) -> str:
        """The tag of a file, as it was listed or written last; empty for one that is not there."""
        return self._entries[name].tag if name in self._entries else ""

    def recorded(self, name: str) -> str | None:
        """None: nothing is written beside a file."""
        return None

    def wrote(self, name: str) -> bool:
        """Whether a push to this folder that was cut off was about to write a file."""
        return name in self._written()

    def writer(self, name: str) -> str:
        """Empty: of other folders' pushes nothing is recorded."""
        return ""

    def around(self) -> str:
        """A folder above this one that holds a manifest."""
        parts = self._claim.path.split("/") if self._claim.path else []
        for text in self._ask(self.place, AROUND, str(len(parts))):
            count = _size(self.place, text)
            return str(Claim(self._claim.name, "/".join(parts[:count])))
        return ""

    def begin(self, names: Collection[str]) -> None:
        """Note what will be written, so that the next push knows it for its own."""
        content = "".join(f"{name}\n" for name in sorted({*names, *self._written()})).encode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            facts = File(hashlib.sha256(content).hexdigest(), len(content))
            self.write(_JOURNAL, Path(file.name), facts, lambda _: None)
        self._entries.pop(_JOURNAL, None)

    def hash(self, name: str, size: int) -> str:
        """The SHA-256 of a file, computed in the pod."""
        if name not in self._hashes:
            place = f"{self.place}, {name}"
            return self._one(place, HASH, name).split(" ", 1)[0]
        return self._hashes[name]

    def write(self, name: str, content: Path, file: File, told_bytes: Told) -> None:
        """Send a file, on from where an earlier attempt broke; the pod hashes and places it."""
        place = f"{self.place}, {name}"
        offset = self._begun.pop(file.sha256, 0)
        told_bytes(min(offset, file.bytes))
        failures = 0
        while True:
            offset = offset if offset <= file.bytes else 0
            try:
                outcome, *rest = self._send(place, name, content, file, offset, told_bytes)
                if outcome == "short":
                    raise _Broken("fewer bytes arrived than were sent")
                break
            except _Broken as broken:
                before, offset = offset, self._size(place, f"{UNDER_WAY}/{file.sha256}")
                failures = failures + 1 if offset <= before else 0
                self._again(place, failures, broken)
        self._entries.pop(name, None)
        if outcome == "placed":
            self._entries[name] = _entry(place, rest)
            self._hashes[name] = file.sha256
        elif outcome == "changed" and len(rest) == 1:
            self._hashes[name] = rest[0]
        else:
            raise _strange(place, plain(outcome, 40))

    def read(self, name: str, offset: int = 0) -> Generator[bytes]:
        """A file's bytes from an offset on, also over a connection that breaks."""
        place = f"{self.place}, {name}"
        size = self._entries[name].bytes if name in self._entries else self._size(place, name)
        failures = 0
        while offset < size:
            before = offset
            try:
                with self._exec(READ, name, str(offset)) as (process, errors):
                    while offset < size:
                        chunk = self._chunk(place, process, min(CHUNK, size - offset), _SENT)
                        if not chunk:
                            self._fail(place, process, errors)
                        offset += len(chunk)
                        yield chunk
            except _Broken as broken:
                failures = failures + 1 if offset - before < _PROGRESS else 0
                self._again(place, failures, broken)

    def remove(self, name: str) -> None:
        """Remove a file, and folders that are empty then."""
        self._ask(f"{self.place}, {name}", REMOVE, name)

    def finish(self, names: Collection[str]) -> None:
        """Remove what cut-off pushes left, and let others read what is there."""
        begun = {str(PurePosixPath(name).parent) for name in self._written()} - {"."}
        if begun:
            self._ask(self.place, PRUNE, *sorted(begun))
        self._ask(self.place, FINISH)

    def _written(self) -> frozenset[str]:
        """The journal of pushes that were cut off."""
        if self._journal is None:
            content = b""
            if 0 < self._noted <= MAXIMUM_BYTES:
                content = b"".join(self.read(_JOURNAL))
            self._journal = frozenset(content.decode(errors="replace").splitlines())
        return self._journal

    def _size(self, place: str, path: str) -> int:
        return _size(place, self._one(place, STATE, path))

    def _one(self, place: str, script: str, *arguments: str) -> str:
        """The answer of a script that gives one text."""
        texts = self._ask(place, script, *arguments)
        if len(texts) != 1:
            raise _strange(place, f"{len(texts)} texts")
        return texts[0]

    def _ask(self, place: str, script: str, *arguments: str) -> list[str]:
        """Run a script that may be run again, until it has answered."""
        failures = 0
        while True:
            try:
                with self._exec(script, *arguments) as (process, errors):
                    return self._answer(place, process, errors)
            except _Broken as broken:
                failures += 1
                self._again(place, failures, broken)

    def _send(
        self, place: str, name: str, content: Path, file: File, offset: int, told_bytes: Told
    ) -> list[str]:
        arguments = (name, file.sha256, str(file.bytes), str(offset))
        with self._exec(WRITE, *arguments) as (process, errors), content.open("rb") as opened:
            assert process.stdin
            opened.seek(offset)
            # A pipe that broke shows in the answer, with its reason.
            with contextlib.suppress(BrokenPipeError):
                while chunk := opened.read(CHUNK):
                    process.stdin.write(chunk)
                    told_bytes(len(chunk))
                process.stdin.flush()
            texts = self._answer(place, process, errors)
            if len(texts) != 1:
                raise _strange(place, f"{len(texts)} texts")
            return texts[0].split(" ")

    def _answer(self, place: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> list[str]:
        answer = bytearray()
        while answer != _END and not answer.endswith(_END + _END):
            chunk = self._chunk(place, process, CHUNK, _ANSWERED)
            if not chunk:
                self._fail(place, process, errors)
            answer += chunk
            if len(answer) > MAXIMUM_BYTES:
                raise _strange(place, f"more than {MAXIMUM_BYTES:,} bytes")
        return answer.decode(errors="surrogateescape").split("\0")[:-2]

    def _chunk(
        self, place: str, process: subprocess.Popen[bytes], size: int, seconds: float
    ) -> bytes:
        """What comes next of a command's output; empty at its end."""
        assert process.stdout
        if not select.select([process.stdout], [], [], seconds)[0]:
            raise TransferError(
                f"{place}: expected an answer from the pod within {seconds:.0f} seconds, found "
                "none. Look at the pod's node and at the volume; then try again."
            )
        return os.read(process.stdout.fileno(), size)

    @contextlib.contextmanager
    def _exec(
        self, script: str, *arguments: str
    ) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        command = ("exec", "--stdin", "--quiet", self._pod, f"--container={CONTAINER}", "--")
        shell = ("sh", "-c", script, "sh", self._folder)
        with self._kubectl.stream(*command, *shell, *arguments) as opened:
            yield opened

    def _fail(self, place: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        """Raises what an answer that ended too early means."""
        code = ended(process)
        errors.seek(0)
        said = errors.read(_SAID).decode(errors="replace")
        if code == REFUSED:
            lines = [line for line in said.splitlines() if "command terminated" not in line]
            reason = plain((lines or ["nothing was said"])[-1])
            for word, found, remedy in _REMEDIES:
                if word in said:
                    raise TransferError(
                        f"{place}: expected to use it, found {found} ({reason}). {remedy}.",
                        arguments=("image",) if remedy == _IMAGE else (),
                    )
            raise TransferError(f"{place}: expected to use it, found: {reason}. Mend that.")
        if "Forbidden" in said:
            refused = refusal("exec", said)
            raise TransferError(f"{place}: {refused}", arguments=refused.arguments)
        if any(word in said for word in _GONE):
            raise TransferError(
                f"{place}: expected the pod that mounts the claim, found that it was ended: "
                f"{refusal('exec', said).reason}. Try again; what is right is not sent twice."
            )
        last = said.strip().splitlines()[-1:]
        raise _Broken(plain(last[0]) if last else f"exit code {code}")

    def _again(self, place: str, failures: int, broken: _Broken) -> None:
        if failures >= _ATTEMPTS:
            raise TransferError(
                f"{place}: expected a connection through kubectl, found that it broke {failures} "
                f"times: {broken}. Try again; what is right is not sent twice."
            ) from broken
        time.sleep(_PAUSE * failures)


def _entry(place: str, facts: list[str]) -> Entry:
    """An entry from mode (hexadecimal), bytes, time of change and inode."""
    if len(facts) != 4 or not _HEX.fullmatch(facts[0]) or not facts[3].isalnum():
        raise _strange(place, plain(" ".join(facts), 60))
    mode, size, changed, inode = facts
    regular = stat.S_ISREG(int(mode, 16))
    bytes_ = _size(place, size)
    return Entry(bytes_ if regular else -1, f"{inode}-{changed}-{size}", _size(place, changed))


def _size(place: str, text: str) -> int:
    """A number that the pod gave."""
    if not _NUMBER.fullmatch(text):
        raise _strange(place, plain(text, 40) or "nothing")
    return int(text)


def _strange(place: str, found: str) -> TransferError:
    return TransferError(
        f"{place}: expected the answer of a script of this kit's from the pod, found {found}. "
        f"{_IMAGE}.",
        arguments=("image",),
    )
