"""A process that has imported the kit, and runs one command after another in a child of its own.

A child is a copy of it, so each command starts as in a new process, without the seconds that the
imports take. ``python -m tests.fuzz.artefacts.worker`` reads a line of JSON for each command, and
answers with one.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import resource
import select
import signal
import sys
import tempfile
import threading
import traceback
import types
from pathlib import Path
from typing import Any

ROOM = 4 << 30
"""Bytes of address space that a command may add, lest a fault takes the machine's memory."""

IMPORTED = (
    *(
        "builders.__main__",
        "builders.kit.build.dry_run",
        "repository.check.check",
        "repository.bom",
    ),
    *("repository.sign", "repository.transfer.run", "repository.transfer.s3.store", "runtime.cli"),
    *(
        "repository.transfer.oci.pull",
        "runtime.serve.local",
        "runtime.serve.container",
        "rich.console",
    ),
    *("builders.asr.family", "builders.ocr.family", "onnxruntime", "torch", "transformers"),
    *("safetensors.torch", "tokenizers", "huggingface_hub", "cyclonedx.output.json"),
    *("model_signing.verifying", "builders.kit.build.parity_again"),
)

WRITING = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile"),
}
"""Events of Python's audit hooks whose first argument is a path that is changed; of
``shutil.copyfile``, the second."""

UNHEARD = {"pickle.find_class", "os.system"}
"""Events that no command of the kit has a reason for."""


def watch(inside: Path, log: int) -> None:
    """Writes to a file what this process does that it should not, until it ends."""
    allowed = (f"{inside}/", "/dev/null", "/dev/tty", "/dev/shm/sem.")

    def told(text: str) -> None:
        os.write(log, f"{text[:300]!a}\n".encode())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                return
        elif event in WRITING:
            path = arguments[1 if event == "shutil.copyfile" else 0]
        elif event == "socket.connect":
            to = arguments[1]
            if isinstance(to, tuple) and to[0] not in ("127.0.0.1", "::1", "localhost"):
                told(f"connects to {to}")
            return
        else:
            if event in UNHEARD:
                told(f"{event} {arguments}")
            return
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if isinstance(path, str) and path:
            whole = os.path.abspath(path)  # noqa: PTH100 -- links are not followed
            if not f"{whole}/".startswith(allowed) and not whole.startswith(allowed):
                told(f"{event} {whole}")

    sys.addaudithook(hook)


def stand_in(folder: Path) -> None:
    """``runtime serve`` goes as far as its server's process, and sees the case's folders alone."""
    from runtime import processes
    from runtime.guard import state
    from runtime.server import run

    state.SHARED_MEMORY, state.TEMPORARY = folder / "shm", folder / "temporary"

    def kill(pids: list[int]) -> None:
        if pids:
            raise AssertionError(f"would end processes {pids}")

    processes.kill = kill  # type: ignore[assignment]

    class Popen:
        def __init__(self, *_: Any, **__: Any) -> None:
            print("the server would start")
            raise SystemExit(0)

    assert "subprocess" in vars(run), "another module starts the server"
    module = types.ModuleType("subprocess")
    vars(module).update(PIPE=-1, Popen=Popen)
    vars(run)["subprocess"] = module


def call(program: str, arguments: list[str]) -> int:
    """A program's exit code, as a process of its own has it."""
    sys.argv = [program, *arguments]
    try:
        if program == "runtime":
            from runtime.cli import main as serve

            serve(arguments)
        else:
            from builders.__main__ import main as build

            build()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def child(ask: dict[str, Any]) -> None:
    """The command; does not return."""
    os.setsid()
    folder = Path(ask["folder"])
    os.chdir(folder / "work")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.environ.clear()
    os.environ.update(ask["variables"])
    size = 0 if ask["alone"] else int(Path("/proc/self/statm").read_text().split()[0])
    limit = size * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    program, *arguments = ask["command"]
    if ask["alone"]:
        os.execve(sys.executable, [sys.executable, "-m", program, *arguments], os.environ)
    tempfile.tempdir = None
    if program == "runtime":
        stand_in(folder)
    watch(folder, log)
    code = call(program, arguments)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(ask: dict[str, Any]) -> dict[str, Any]:
    """Runs one command, and ends it with all that it started when its time is over.

    Returns:
        ``code`` (negative for a signal), ``seconds`` of a processor, ``late`` (whether it was
        ended), and ``bytes`` of memory that it held at most, beyond those of this process.
    """
    own = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    pid = os.fork()
    if not pid:
        try:
            child(ask)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(99)
    handle = os.pidfd_open(pid)
    late = not select.select([handle], [], [], ask["seconds"])[0]
    os.close(handle)
    try:
        os.killpg(pid, signal.SIGKILL)  # with what it started
    except ProcessLookupError:
        if late:
            os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": used.ru_utime + used.ru_stime,
        "late": late,
        "bytes": max(0, used.ru_maxrss * 1024 - own),
    }


def main() -> None:
    """Answers until its input ends."""
    sys.dont_write_bytecode = True
    for name in IMPORTED:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
