"""Which models are asked whether they answer, without a server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

from runtime.watch.probe import Prober

CONFIGS = {
    name: {"input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["1"]}]}
    for name in ("asked", "idle")
}


class Server:
    """Answers as Triton's HTTP service does, and counts successes as it does."""

    def __init__(self) -> None:
        self.successes: Counter[str] = Counter()
        self.probes: list[str] = []

    def request(self, method: str, path: str, *_: object, **__: object) -> bytes:
        if path == "/v2/models/stats":
            counted = [
                {"name": name, "inference_stats": {"success": {"count": self.successes[name]}}}
                for name in CONFIGS
            ]
            return json.dumps({"model_stats": counted}).encode()
        name = path.split("/")[3]
        self.successes[name] += 1
        self.probes.append(name)
        return b"{}"


def test_a_model_is_asked_when_nobody_else_asks_it(wait_until: Callable[..., float]) -> None:
    server = Server()
    prober = Prober(server, hang_seconds=0.0)  # type: ignore[arg-type]
    assert prober.look(CONFIGS, {}) == []
    assert server.probes == [], "the first look knows nothing yet"

    def look() -> bool:
        server.successes["asked"] += 1
        assert prober.look(CONFIGS, {}) == []
        return server.probes.count("idle") >= 3

    wait_until(look)
    assert "asked" not in server.probes
    prober.look(CONFIGS, {})
    wait_until(lambda: server.probes.count("asked") == 1)
