"""A gateway process's side of the pipes to its owner.

The owner is a :class:`perf.compare.services.gateway.Gateway`. The first line on standard input says
what to serve. The address goes out on standard output, and nothing else does. Standard input ends
when the owner stops the gateway, and also when the owner is killed: then the gateway ends at once.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from perf.compare.services.plan import Plan


class Owner:
    """Hears what to serve; from then on this process ends with its owner.

    Attributes:
        plan: the pipeline.
        addresses: composing model -> ``host:port`` of its server.
    """

    def __init__(self) -> None:
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            sys.exit("a gateway is started by perf.compare.services, which says what to serve")
        told = json.loads(line)
        self.plan = Plan.from_json(told["plan"])
        self.addresses: dict[str, str] = told["addresses"]
        # What libraries print goes to standard error.
        self._answers = os.dup(1)
        os.dup2(2, 1)
        threading.Thread(target=_end_with_owner, daemon=True).start()

    def announce(self, port: int) -> None:
        """Tells the owner that requests are taken on this port of 127.0.0.1."""
        os.write(self._answers, f"127.0.0.1:{port}\n".encode())


def _end_with_owner() -> None:
    while os.read(0, 1):
        continue
    os._exit(0)
