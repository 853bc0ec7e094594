"""Starting a program with an argument that no other user can read.

A command line is open to every user of a machine (``/proc/<pid>/cmdline``), and some programs take
a secret nowhere else. So the kernel gets a command without the secret, and the secret in the
environment, which only the same user may read. The new process is traced, so it stops before its
first instruction. There its list of arguments is made to point at the secret, and its list of
variables forgets it, so children do not inherit it.

Only the standard library.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

SHOWN = "hidden"
"""What the command line shows in the secret's place."""

_PTRACE_TRACEME, _PTRACE_GETREGS, _PTRACE_DETACH = 0, 12, 17
_REGISTERS, _STACK_POINTER = 27, 19
"""The number of ``struct user_regs_struct``'s fields on x86-64, and the place of rsp among them."""
_WORD = struct.Struct("=Q")


def popen(
    command: Sequence[str],
    mark: str,
    secret: str,
    *,
    env: Mapping[str, str],
    preexec_fn: Callable[[], None],
    **options: Any,
) -> tuple[subprocess.Popen[bytes], bool]:
    """Starts a program on x86-64 Linux.

    Args:
        command: the program and its arguments.
        mark: stands in them for the secret.
        secret: what they are to have instead.
        env: the program's variables, one at least.
        preexec_fn: as for :class:`subprocess.Popen`.
        options: likewise.

    Returns:
        the process, and whether the secret is hidden: it is not where tracing is not allowed, and
        stands in the command line then.

    Raises:
        OSError: the program cannot be started.
    """
    secrets = {i: each.replace(mark, secret) for i, each in enumerate(command) if mark in each}
    plain = [secrets.get(i, each) for i, each in enumerate(command)]
    shown = [each.replace(mark, SHOWN) for each in command]
    hidden = {f"_HIDDEN_{i}": each for i, each in secrets.items()}
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long

    def traced() -> None:
        if libc.ptrace(_PTRACE_TRACEME, 0, None, None):
            raise OSError(ctypes.get_errno(), "ptrace")
        preexec_fn()

    if secrets:
        try:
            process = subprocess.Popen(shown, env={**hidden, **env}, preexec_fn=traced, **options)
        except subprocess.SubprocessError:  # raised in the child: it may not be traced
            pass
        else:
            try:
                _point_at_secrets(libc, process.pid, shown, list(hidden), list(secrets))
                return process, True
            except OSError:
                process.kill()
                process.wait()
    return subprocess.Popen(plain, env=dict(env), preexec_fn=preexec_fn, **options), not secrets


def _point_at_secrets(
    libc: Any, pid: int, command: Sequence[str], variables: Sequence[str], places: Sequence[int]
) -> None:
    """Changes a process that has just been loaded, and lets it run.

    On its stack lie the number of arguments, where each is, a zero, and where each variable is.

    Raises:
        OSError: this machine does not let us, or the stack is not as it should be.
    """
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status) or os.WSTOPSIG(status) != signal.SIGTRAP:
        raise OSError(errno.ECHILD, "the process ended before it was loaded")
    registers = (ctypes.c_ulonglong * _REGISTERS)()
    _checked(libc.ptrace(_PTRACE_GETREGS, pid, None, registers))
    memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        arguments = registers[_STACK_POINTER] + _WORD.size
        environment = arguments + (len(command) + 1) * _WORD.size
        ordinary = os.pread(memory, _WORD.size, environment + len(variables) * _WORD.size)
        for number, (name, place) in enumerate(zip(variables, places, strict=True)):
            own = environment + number * _WORD.size
            (text,) = _WORD.unpack(os.pread(memory, _WORD.size, own))
            start = f"{name}=".encode()
            if os.pread(memory, len(start), text) != start:
                raise OSError(errno.EFAULT, "the variables are not where they should be")
            os.pwrite(memory, _WORD.pack(text + len(start)), arguments + place * _WORD.size)
            os.pwrite(memory, ordinary, own)
    except struct.error as error:
        raise OSError(errno.EFAULT, "the stack cannot be read") from error
    finally:
        os.close(memory)
    _checked(libc.ptrace(_PTRACE_DETACH, pid, None, None))


def _checked(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "ptrace")
