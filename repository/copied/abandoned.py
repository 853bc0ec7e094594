"""Ending a stub whose request Triton has given up, before it does harm.

Triton's Python backend gives up a request when, for one second, the stub has not set a flag that a
thread of its own sets every 0.3 s: when the process was stopped, the machine stood still, or the
clock was set forward. The client then reads "Stub process … is not healthy". But the stub goes on,
and Triton takes its late answer for the answer to the next request. It points to memory that was
freed by then. So the server ends with SIGSEGV, or a client gets another request's answer
(``StubLauncher::ReceiveMessageFromStub`` and ``ModelInstanceState::ProcessRequests``, r24.10 to
r26.07).

A stub can see it. Triton puts a message for the stub into a queue in their shared memory when it
sends a request, and another one when it has the answer or has given up. So if the queue is not
empty while a request is worked on, the request was given up. The stub then ends instead of
answering: to Triton it is a stub that died, which ``runtime serve`` replaces.

A copy of this file lies beside every Python model that the kit writes, so it keeps to Python 3.10
and the standard library.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_COMMAND_LINE = Path("/proc/self/cmdline")
_SHARED_MEMORY = Path("/dev/shm")

_STUB = "triton_python_backend_stub"
_REGION_ARGUMENT, _SIZE_ARGUMENT, _CONTROL_ARGUMENT = 2, 3, 7
"""Where the stub's command line has its shared memory's name, its first size, and the handle of
the control structure: ``main`` in pb_stub.cc."""

_OWNERSHIP = 16
"""Bytes before each object in the shared memory: ``AllocatedShmOwnership`` in shm_manager.h."""

_QUEUE_HANDLE = 88
"""The offset of ``stub_message_queue`` in ``IPCControlShm`` (pb_utils.h): behind at most eight
flags and two mutexes of 40 bytes."""

_QUEUE = struct.Struct("=QQii")
_QUEUE_SIZE = 104
"""``size``, ``buffer``, ``head`` and ``tail`` in ``MessageQueueShm`` (message_queue.h), and where
they begin: behind two semaphores of 32 bytes and a mutex of 40."""

_MOST_MESSAGES = 1_000_000

TAKEN_SECONDS = 2.0
"""A stub takes a message within milliseconds, also on a busy machine; Triton gives up after one
second."""


class Watch:
    """Watches the queue of one stub.

    Where the memory is not laid out as this module knows it, as may be in a later release, nothing
    is watched.

    Args:
        end: ends the process; it does not return.
    """

    def __init__(self, end: Callable[[], None] | None = None) -> None:
        self._end = end or _kill_this_process
        self._memory: mmap.mmap | None = None
        self._queue = 0
        with contextlib.suppress(OSError, ValueError, IndexError, struct.error):
            self._find_queue()

    @property
    def is_active(self) -> bool:
        """Whether the queue was found."""
        return self._memory is not None

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """While one call of ``execute`` computes; ends the process if the call was given up.

        Entered before the requests are read, which Triton frees when it gives them up.
        """
        self._end_if_given_up()
        try:
            yield
        finally:
            self._end_if_given_up()

    def wait_for_quiet(self) -> None:
        """Waits until no message is on its way to the stub; ends the process if a request was
        given up.

        A thread that answers while requests come calls it before it uses the shared memory. When
        the process goes on after a while, it would otherwise put its answer into the memory of a
        request that was given up meanwhile, before ``execute`` looks.
        """
        deadline = 0.0
        while waiting := self._waiting():
            # A message that is not the only one, or that nobody takes, is of such a request.
            now = time.monotonic()
            deadline = deadline or now + TAKEN_SECONDS
            if waiting > 1 or now > deadline:
                self._end()
            time.sleep(0.0002)

    def _end_if_given_up(self) -> None:
        if self._waiting():
            self._end()

    def _waiting(self) -> int:
        """How many messages the stub has not taken."""
        if self._memory is None:
            return 0
        size, _, head, tail = _QUEUE.unpack_from(self._memory, self._queue)
        return int((head - tail) % size)

    def _find_queue(self) -> None:
        arguments = _COMMAND_LINE.read_bytes().decode().split("\0")
        stub = [each.endswith(_STUB) for each in arguments].index(True)
        region = _SHARED_MEMORY / arguments[stub + _REGION_ARGUMENT].lstrip("/")
        size = int(arguments[stub + _SIZE_ARGUMENT])
        control = int(arguments[stub + _CONTROL_ARGUMENT]) + _OWNERSHIP
        with region.open("rb") as file:
            memory = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        (handle,) = struct.unpack_from("=Q", memory, control + _QUEUE_HANDLE)
        queue = handle + _OWNERSHIP + _QUEUE_SIZE
        most, buffer, head, tail = _QUEUE.unpack_from(memory, queue)
        # While a model is initialised its queue is as empty as while it computes.
        if 0 < most <= _MOST_MESSAGES and 0 < buffer < size and 0 <= head == tail < most:
            self._memory, self._queue = memory, queue
        else:
            memory.close()


def _kill_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
