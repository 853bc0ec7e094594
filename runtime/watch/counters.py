"""What the runtime counts about a server, for Prometheus.

Triton's own metrics end with it, so a server's deaths are counted here, outside of it.
"""

from __future__ import annotations

import collections
import http.server
import socket
import threading
import time
from typing import Self

from runtime.errors import ServerFailed
from runtime.options.addresses import Address

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counters:
    """Counts; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deaths: collections.Counter[str] = collections.Counter()
        self._restarts = 0
        self._exchanges = 0
        self._ready_since = 0.0

    def started(self) -> None:
        """The server is ready for the first time."""
        with self._lock:
            self._ready_since = time.time()

    def died(self, cause: str) -> None:
        """It has ended, by ``SIGSEGV`` or ``exit code 1``."""
        with self._lock:
            self._deaths[cause] += 1
            self._ready_since = 0.0

    def exchanged(self) -> None:
        """It was ended, as it held too much, and another one follows."""
        with self._lock:
            self._exchanges += 1
            self._ready_since = 0.0

    def restarted(self) -> None:
        """It is ready again."""
        with self._lock:
            self._restarts += 1
            self._ready_since = time.time()

    def text(self) -> str:
        """Prometheus' text format."""
        with self._lock:
            ended = "".join(
                f'triton_runtime_server_deaths_total{{cause="{cause}"}} {count}\n'
                for cause, count in sorted(self._deaths.items())
            )
            return (
                "# HELP triton_runtime_server_ready Whether the server is up (1) or being started "
                "again (0).\n"
                "# TYPE triton_runtime_server_ready gauge\n"
                f"triton_runtime_server_ready {int(self._ready_since > 0)}\n"
                "# HELP triton_runtime_server_ready_since_seconds Since when, in Unix time.\n"
                "# TYPE triton_runtime_server_ready_since_seconds gauge\n"
                f"triton_runtime_server_ready_since_seconds {self._ready_since:.3f}\n"
                "# HELP triton_runtime_server_restarts_total How often it was started again.\n"
                "# TYPE triton_runtime_server_restarts_total counter\n"
                f"triton_runtime_server_restarts_total {self._restarts}\n"
                "# HELP triton_runtime_server_exchanges_total How often it was exchanged for a "
                "fresh one, as it held too much memory or too much of dead stubs.\n"
                "# TYPE triton_runtime_server_exchanges_total counter\n"
                f"triton_runtime_server_exchanges_total {self._exchanges}\n"
                "# HELP triton_runtime_server_deaths_total How often it died, by what ended it.\n"
                "# TYPE triton_runtime_server_deaths_total counter\n"
                f"{ended}"
            )


class Exposed:
    """An HTTP server with the counters at ``/metrics``, while the context lasts.

    Args:
        counters: what is shown.
        address: where it listens.
        port: 0 takes a free one.

    Attributes:
        url: where the counters are.

    Raises:
        ServerFailed: the port is in use.
    """

    def __init__(self, counters: Counters, address: Address, port: int) -> None:
        class Server(http.server.ThreadingHTTPServer):
            address_family = address.family
            daemon_threads = True

            def server_bind(self) -> None:
                # Not HTTPServer's own method, which looks up the host's name and may block.
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind((address.ip, port))
                self.server_address = self.socket.getsockname()

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 5.0

            def do_GET(self) -> None:
                if self.path.partition("?")[0] != "/metrics":
                    self.send_error(404)
                    return
                content = counters.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", _TYPE)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        try:
            self._server = Server((address.ip, port), Handler)
        except OSError as error:
            raise ServerFailed(
                f"Cannot listen: runtime metrics port {port} on {address.ip} ({error.strerror}); "
                "choose another, or 0 for a free one.",
                arguments=("runtime_metrics_port",),
            ) from error
        number = self._server.socket.getsockname()[1]
        self.url = f"http://{address.for_clients}:{number}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
