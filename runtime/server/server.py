"""A real Triton on this machine, without a container.

::

    with LocalServer(Path("model_repository")) as server:
        print(server.grpc)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from repository.files.plain import plain_path
from runtime.errors import ServerDied, ServerFailed
from runtime.guard import state
from runtime.machine.environment import ServerEnvironment, server_environment
from runtime.machine.needs import has_gpu
from runtime.options import addresses, admin, further
from runtime.options.calls import with_called
from runtime.options.models import folders
from runtime.options.ports import Ports
from runtime.server import backend_folder, deaths, program
from runtime.server.control import Control, ModelStatus
from runtime.server.run import LogSink, Run

_STARTS = 3
"""A pause of the machine while a Python model loads ends Triton 24.10."""


class LocalServer:
    """A Triton server in explicit model control mode, ended with its owner.

    Args:
        repository: the model repository; Triton only reads it.
        load: the models to load at start, with those that they call; ``("*",)`` is all of them,
            ``()`` none.
        host: the address, or its name, that all three endpoints listen on.
        http_port: 0 takes a free one; so for the other two.
        grpc_port: likewise.
        metrics_port: likewise.
        grpc_message_bytes: the largest gRPC message that is taken.
        options: further options of ``tritonserver``, as ``("--log-verbose=1",)``; none that this
            class sets itself.
        overrides: options that may undo its own, to try how another server would be started.
        open_groups: groups of calls (:data:`.admin.GROUPS`) that everybody who reaches the
            server may make; all others ask for :attr:`admin_key`.
        environment: the server environment; the project's own by default.
        log: gets each line of the server's output, without its line end.
        start_timeout_seconds: how long loading may take.
        exit_grace_seconds: how long requests in flight may take to be answered at the end.
    """

    def __init__(
        self,
        repository: Path,
        *,
        load: Sequence[str] = ("*",),
        host: str = "127.0.0.1",
        http_port: int = 0,
        grpc_port: int = 0,
        metrics_port: int = 0,
        grpc_message_bytes: int = program.DEFAULT_MESSAGE_BYTES,
        options: Sequence[str] = (),
        overrides: Sequence[str] = (),
        open_groups: Sequence[str] = (),
        environment: ServerEnvironment | None = None,
        log: LogSink | None = None,
        start_timeout_seconds: float = 300.0,
        exit_grace_seconds: float = 30.0,
    ) -> None:
        self.repository = repository.resolve()
        self._load = with_called(self.repository, load)
        self._host = host
        self._wanted_ports = {"http": http_port, "grpc": grpc_port, "metrics": metrics_port}
        self._grpc_message_bytes = grpc_message_bytes
        self._options = tuple(options)
        self._overrides = tuple(overrides)
        self._open_groups = tuple(open_groups)
        self._environment = environment
        self._log = log
        self._start_timeout = start_timeout_seconds
        self._exit_grace = exit_grace_seconds
        self._address: addresses.Address | None = None
        self._held_ports: Ports | None = None
        self._ports: dict[str, int] = {}
        self._run: Run | None = None

    @property
    def http(self) -> str:
        """``host:port`` of the HTTP endpoint."""
        return self._endpoint("http")

    @property
    def grpc(self) -> str:
        """``host:port`` of the gRPC endpoint."""
        return self._endpoint("grpc")

    @property
    def metrics(self) -> str:
        """``host:port`` of the Prometheus endpoint, whose path is ``/metrics``."""
        return self._endpoint("metrics")

    @property
    def pid(self) -> int:
        """The process id of ``tritonserver``; :meth:`restart` makes it another."""
        return self._started.pid

    @property
    def region_prefix(self) -> str:
        """How the names of its shared memory regions begin."""
        return self._started.region_prefix

    @property
    def admin_key(self) -> str:
        """What a call of a closed group has to bring: in the header ``admin-key`` over HTTP, in
        ``triton-grpc-protocol-admin-key`` over gRPC. Each start makes another."""
        return self._started.admin_key

    @property
    def load_seconds(self) -> dict[str, float]:
        """How long each model took to load, the last time it did."""
        return self._started.load_seconds

    @property
    def control(self) -> Control:
        """Triton's model control API."""
        return Control(self.http, admin_key=self.admin_key)

    @property
    def log_lines(self) -> list[str]:
        """The last lines of the server's output."""
        return self._started.lines

    @property
    def _started(self) -> Run:
        assert self._run is not None, "the server has not been started"
        return self._run

    def _endpoint(self, name: str) -> str:
        assert self._address is not None, "the server has not been started"
        return f"{self._address.for_clients}:{self._ports[name]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the server and waits until it answers.

        A model that does not load does not stop the server: see :meth:`failed_models`.

        Raises:
            EnvironmentUnfit: the server environment is not installed, or cannot run here.
            ServerFailed: the server ended, or did not answer in time.
        """
        environment = self._environment or server_environment()
        if not self.repository.is_dir():
            raise ServerFailed(f"There is no model repository at {self.repository}.")
        self._address = addresses.resolve(self._host)
        addresses.check(self._address)
        self._held_ports = Ports(self._address, self._wanted_ports)
        self._ports = self._held_ports.numbers
        try:
            self._start_alive(environment)
        except BaseException:
            self.stop(now=True)
            raise

    def restart(self) -> None:
        """Starts a server that has ended again: on its ports, with another process and key.

        Raises:
            EnvironmentUnfit: as :meth:`start`.
            ServerFailed: likewise; the ports stay this server's.
        """
        self.end_now()
        try:
            self._start(self._environment or server_environment())
        except BaseException:
            self.end_now()
            raise

    def end_now(self) -> None:
        """Ends the process, if there is one, at once; :meth:`restart` can start another."""
        self.ask_to_stop(now=True)
        if self._run is not None:
            self._run.close()

    def _start_alive(self, environment: ServerEnvironment) -> None:
        """Starts it, again if a signal ended it meanwhile."""
        for left in reversed(range(_STARTS)):
            try:
                self._start(environment)
                return
            except ServerDied as death:
                if not left:
                    raise
                self.end_now()
                if self._log is not None:
                    self._log(f"{death} It is started again.")

    def _start(self, environment: ServerEnvironment) -> None:
        self._run = Run(
            lambda own: self._command(environment, own),
            environment.variables(),
            grace_seconds=self._exit_grace,
            http_port=self._ports["http"],
            log=self._log,
        )
        self._run.wait_until_live(self.control, self._start_timeout)

    def _command(self, environment: ServerEnvironment, own: state.ServerState) -> list[str]:
        backends = backend_folder.make(environment, own)
        prefix = own.shared_memory_prefix
        assert self._address is not None
        command = [
            program.make(environment, own, self._grpc_message_bytes),
            f"--model-repository={plain_path(self.repository, own.folder)}",
            f"--backend-directory={backends}",
            f"--cache-directory={environment.triton / 'caches'}",
            "--model-control-mode=explicit",
            *(f"--load-model={model}" for model in self._load),
            "--disable-auto-complete-config",
            "--exit-on-error=false",
            "--strict-readiness=true",
            f"--http-address={self._address.for_http}",
            f"--http-port={self._ports['http']}",
            f"--grpc-address={self._address.for_grpc}",
            f"--grpc-port={self._ports['grpc']}",
            # By default Triton keeps the buffers of eight requests, however large they were.
            "--grpc-infer-allocation-pool-size=1",
            f"--metrics-address={self._address.for_http}",
            f"--metrics-port={self._ports['metrics']}",
            f"--exit-timeout-secs={max(1, round(self._exit_grace))}",
            *(
                f"--backend-config={name},shm-region-prefix-name={prefix}{name}"
                for name in backend_folder.names()
            ),
            *admin.restricted(self._open_groups),
            # It would start DCGM, in which a server without a GPU once hung, its models ready.
            *(() if has_gpu() else ("--allow-gpu-metrics=false",)),
        ]
        further.check(self._options, command)
        return [*command, *admin.checked(self._options, self._open_groups), *self._overrides]

    def failed_models(self) -> list[ModelStatus]:
        """The models that should have been loaded and are not, each with Triton's reason."""
        index = self.control.index()
        wanted = folders(self.repository) if "*" in self._load else self._load
        failed = [status for status in index if status.name in wanted and not status.ready]
        # Triton names some models that it cannot load in its log only, and leaves others out here.
        absent = set(wanted) - {status.name for status in index}
        failed += [ModelStatus(name, "", ready=False, reason="") for name in sorted(absent)]
        return [
            replace(each, reason=each.reason or deaths.reason_of(each.name, self.log_lines))
            for each in failed
        ]

    def is_running(self) -> bool:
        """Whether the server has not ended."""
        return self._run is not None and self._run.is_running()

    def stop(self, *, now: bool = False) -> None:
        """Ends the server, and leaves nothing behind.

        Args:
            now: does not wait for requests in flight, nor for models to finalize.
        """
        self.ask_to_stop(now=now)
        if self._run is not None:
            self._run.close()
        if self._held_ports is not None:
            self._held_ports.close()
            self._held_ports = None

    def ask_to_stop(self, *, now: bool = False) -> None:
        """Begins to end the server, and does not wait; can be called from a signal handler.

        Args:
            now: as in :meth:`stop`; also hastens a stop that has begun.
        """
        if self._run is not None:
            self._run.ask_to_stop(now=now)

    def wait(self) -> int:
        """Waits until the server ends by itself.

        Returns:
            its exit code; 128 and the signal's number if a signal ended it.
        """
        return self._started.wait()
