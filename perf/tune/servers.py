"""Real servers, each with one model in other settings.

Each server reads a repository of its own: links to the built one, and for the tuned model a folder
with a config.pbtxt as a build writes it. So every candidate is served as it would be after a build.
(A running server could be made to reload the model, but the Python backend takes a second to end
each instance, a load before that has made Triton 24.10 crash, and its load call with a config
changes nothing but the number of instances of a loaded model.)

The servers used last stay idle as long as memory allows, so those that are measured in turns are
started once.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from perf.errors import LegFailed, PerfError
from perf.tune.settings import Settings, apply
from perf.tune.subject import Subject
from repository.config.proto import pb
from repository.config.text import FILE_NAME, read_config, to_text
from runtime import processes
from runtime.errors import EnvironmentUnfit, RuntimeFailure
from runtime.machine.environment import ServerEnvironment
from runtime.machine.look import memory_available
from runtime.server.server import LocalServer
from runtime.watch import stubs

RESERVE = 512 * 2**20
"""Bytes of memory that are left for everything else."""

KEPT = 4
"""Servers that stay: the finalists' and the present settings'. On a GPU only one, since each takes
memory there that nobody but the server can see."""


class Servers:
    """Serves the subject in any settings; all servers end with the context.

    Args:
        repository: the built repository; it is only read.
        subject: what is served.
        environment: the server environment; the project's own by default.
    """

    def __init__(
        self, repository: Path, subject: Subject, environment: ServerEnvironment | None = None
    ) -> None:
        self._source = repository.resolve()
        self._subject = subject
        self._environment = environment
        self._folder = tempfile.TemporaryDirectory(prefix="tune-")
        self._running: dict[Settings, LocalServer] = {}  # the last used last
        self._kept = 1 if self._uses_gpu() else KEPT
        self._made = 0
        self._server_bytes = 0
        self._instance_bytes = 0
        self._instances = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            while self._running:
                self._end_oldest()
        finally:
            self._folder.cleanup()

    def serve(self, settings: Settings) -> str:
        """A server with the model in these settings.

        Returns:
            ``host:port`` of its gRPC endpoint.

        Raises:
            LegFailed: it does not load, or memory would run short.
            PerfError: no server runs on this machine.
        """
        server = self._running.pop(settings, None)
        if server is not None and not server.is_running():
            server.stop(now=True)
            server = None
        if server is None:
            while len(self._running) >= self._kept:
                self._end_oldest()
            self._make_room(settings)
            server = self._start(settings)
        self._running[settings] = server
        return server.grpc

    def _start(self, settings: Settings) -> LocalServer:
        self._made += 1
        root = Path(self._folder.name).resolve() / str(self._made)
        self._write(root, apply(self._subject.config, settings))
        before = memory_available()
        server = LocalServer(root, load=self._subject.models, environment=self._environment)
        try:
            server.start()
            failed = server.failed_models()
            if failed:
                raise LegFailed("; ".join(f"'{each.name}': {each.reason}" for each in failed))
            self._note_memory(server, settings, before)
        except EnvironmentUnfit as problem:
            raise PerfError(str(problem)) from None
        except (RuntimeFailure, LegFailed) as problem:
            server.stop(now=True)
            words = " ".join(str(problem).replace(f"{root}/", "").split())
            words = words if len(words) <= 300 else f"{words[:297]}..."
            raise LegFailed(f"does not load: {words}") from None
        except BaseException:
            server.stop(now=True)
            raise
        return server

    def _write(self, root: Path, config: pb.ModelConfig) -> None:
        root.mkdir()
        for name in self._subject.models:
            if name != self._subject.model:
                (root / name).symlink_to(self._source / name, target_is_directory=True)
        own = root / self._subject.model
        own.mkdir()
        for child in (self._source / self._subject.model).iterdir():
            if child.name != FILE_NAME:
                (own / child.name).symlink_to(child, target_is_directory=child.is_dir())
        (own / FILE_NAME).write_text(to_text(config), encoding="utf-8")

    def _note_memory(self, server: LocalServer, settings: Settings, before: int) -> None:
        """What a server takes, and each further instance; a C++ backend's instances take
        nothing."""
        self._server_bytes = max(before - memory_available(), 0)
        self._instances = settings.instances or 1
        groups = stubs.instance_groups(server.control.config(self._subject.model))
        own = [
            stub.pid
            for stub in stubs.running(server.pid)
            if stubs.owner(stub.instance, {self._subject.model: groups})
        ]
        self._instance_bytes = max(map(processes.resident_bytes, own), default=0)

    def _make_room(self, settings: Settings) -> None:
        more = (settings.instances or 1) - self._instances
        wanted = self._server_bytes + max(more, 0) * self._instance_bytes
        while self._made and memory_available() - wanted < RESERVE:
            if not self._running:
                raise LegFailed(
                    f"memory runs short: it takes about {wanted >> 20} MiB, and of "
                    f"{memory_available() >> 20} MiB that are free {RESERVE >> 20} must stay"
                )
            self._end_oldest()

    def _end_oldest(self) -> None:
        self._running.pop(next(iter(self._running))).stop(now=True)

    def _uses_gpu(self) -> bool:
        configs = [read_config(self._source / name / FILE_NAME) for name in self._subject.models]
        return any(
            group.kind == pb.ModelInstanceGroup.KIND_GPU
            for config in configs
            for group in config.instance_group
        )
