"""``serve --engine local``: the server, its healer, and what is printed about them."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from runtime.errors import ServerFailed
from runtime.options.addresses import Address, resolve
from runtime.options.models import check_names, to_load
from runtime.serve.gateway import Gateway
from runtime.server import logs
from runtime.server.server import LocalServer
from runtime.watch.counters import Counters, Exposed
from runtime.watch.heal import Healer
from runtime.watch.revive import Exchange, Reviver


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What ``python -m runtime serve`` was asked for.

    Attributes:
        repository: the model repository.
        host: the address to listen on.
        http_port: 0 takes a free one; so for the other two.
        grpc_port: likewise.
        metrics_port: likewise.
        grpc_message_bytes: the largest gRPC message that is taken.
        models: the models to load; empty is all.
        heal: whether dead stubs are replaced.
        probe_seconds: how often idle models are probed.
        hang_seconds: after which silence a model hangs; 0 is never.
        restarts: how often within ten minutes a server that died is started again.
        runtime_metrics_port: where the runtime's own counters are; None for nowhere.
        gateway_port: where OpenAI's API is, if it is to be anywhere; 0 takes a free one.
        exit_seconds: how long requests in flight may take at the end.
        log: the least severe level shown, or ``raw``.
        opened: groups of calls that everybody may make.
        further: options for ``tritonserver`` itself.
    """

    repository: Path
    host: str
    http_port: int
    grpc_port: int
    metrics_port: int
    grpc_message_bytes: int
    models: tuple[str, ...]
    heal: bool
    probe_seconds: float
    hang_seconds: float
    restarts: int
    runtime_metrics_port: int | None
    gateway_port: int | None
    exit_seconds: float
    log: str
    opened: tuple[str, ...]
    further: Sequence[str]


class _Asked(BaseException):
    """Somebody asked us to end."""


def serve(options: ServeOptions) -> None:
    """Serves until a signal or Ctrl-C, then ends the server well.

    Raises:
        RuntimeFailure: it could not start, a model did not load, or it died too often.
    """
    printer = logs.Printer(None if options.log == "raw" else options.log, _tell)
    models = to_load(options.repository, options.models)
    check_names(options.repository, models)
    address = resolve(options.host)
    port = options.runtime_metrics_port
    if port and port in (options.http_port, options.grpc_port, options.metrics_port):
        raise ServerFailed(
            f"Cannot listen: port {port} is wanted twice, for the runtime's metrics and for one of "
            "Triton's services; choose another.",
            arguments=("runtime_metrics_port",),
        )
    server = LocalServer(
        options.repository,
        load=models,
        host=address.ip,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        grpc_message_bytes=options.grpc_message_bytes,
        options=options.further,
        open_groups=options.opened,
        log=printer,
        exit_grace_seconds=options.exit_seconds,
    )
    counters = Counters()
    with (
        contextlib.suppress(_Asked),
        _ended_by_signals(server),
        _exposed(counters, address, options) as url,
        contextlib.ExitStack() as fronts,
    ):
        started = time.monotonic()
        server.start()
        _refuse_failed_models(server)
        api = fronts.enter_context(_fronted(server, address, options))
        counters.started()
        print(_ready_message(server, time.monotonic() - started, url, api), flush=True)
        if not address.is_private:
            _tell(
                f"Anyone who can reach this machine at {address.ip} can ask the models: there is "
                "no encryption and no login. At the address 127.0.0.1 only this machine can."
            )
        Reviver(
            server,
            most=options.restarts,
            healing=lambda exchange: _healing(server, options, exchange),
            check=_refuse_failed_models,
            counters=counters,
            report=lambda text: _tell(f"{time.strftime('%H:%M:%S')} server: {text}"),
        ).run()


@contextlib.contextmanager
def _ended_by_signals(server: LocalServer) -> Iterator[None]:
    """The first signal ends the work; while the server stops, another ends it at once."""
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        server.ask_to_stop(now=asked)
        if not asked:
            asked = True
            raise _Asked

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        if asked and server.is_running():
            _tell("Stopping, when requests in flight are answered; Ctrl-C again stops it at once.")
        asked = True
        server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _healing(
    server: LocalServer, options: ServeOptions, exchange: Exchange
) -> contextlib.AbstractContextManager[object]:
    if not options.heal:
        return contextlib.nullcontext()
    return Healer(
        server,
        probe_seconds=options.probe_seconds,
        hang_seconds=options.hang_seconds,
        exchange=exchange,
        report=lambda text: _tell(f"{time.strftime('%H:%M:%S')} heal: {text}"),
    )


def _refuse_failed_models(server: LocalServer) -> None:
    failed = server.failed_models()
    if failed:
        listed = "\n".join(
            f"  {status.name}: {status.reason or 'no reason given'}" for status in failed
        )
        raise ServerFailed(f"{len(failed)} model(s) did not load:\n{listed}")


@contextlib.contextmanager
def _exposed(counters: Counters, address: Address, options: ServeOptions) -> Iterator[str]:
    """Serves the counters, if they are wanted; gives their URL."""
    if options.runtime_metrics_port is None:
        yield ""
        return
    with Exposed(counters, address, options.runtime_metrics_port) as exposed:
        yield exposed.url


@contextlib.contextmanager
def _fronted(server: LocalServer, address: Address, options: ServeOptions) -> Iterator[str]:
    """Puts OpenAI's API beside the server, if it is wanted; gives its URL."""
    if options.gateway_port is None:
        yield ""
        return
    with Gateway(
        server.grpc,
        address,
        options.gateway_port,
        exit_seconds=options.exit_seconds,
        most=options.restarts,
        report=lambda text: _tell(f"{time.strftime('%H:%M:%S')} gateway: {text}"),
    ) as gateway:
        yield gateway.url


def _ready_message(server: LocalServer, seconds: float, counters: str, api: str) -> str:
    facts = json.loads(server.control.request("GET", "/v2"))
    times = server.load_seconds
    ready = sorted({status.name for status in server.control.index() if status.ready})
    width = max(map(len, ready), default=0)
    return "\n".join(
        [
            f"Triton {facts['version']} is ready after {seconds:.1f} s; Ctrl-C ends it.",
            f"  HTTP     http://{server.http}",
            f"  gRPC     {server.grpc}",
            f"  metrics  http://{server.metrics}/metrics",
            *([f"  runtime  {counters}"] if counters else []),
            *([f"  OpenAI   {api}"] if api else []),
            *(
                f"  model    {name:{width}}"
                + (f"  loaded in {times[name]:.2f} s" if name in times else "")
                for name in ready
            ),
        ]
    )


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
