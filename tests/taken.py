"""How far a server has got with requests, so that a test need not guess how soon it has them."""

from __future__ import annotations

import re
import time
import urllib.request

COUNTS = ("nv_inference_pending_request_count", "nv_inference_request_success")


def taken(metrics: str, model: str) -> int:
    """How many requests of a model wait in its queue or were answered; not those that it runs.

    Args:
        metrics: ``host:port`` of the server's metrics.
        model: its name.
    """
    with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=60) as answered:
        text = answered.read().decode()
    pattern = rf'^(?:{"|".join(COUNTS)})\{{model="{model}",version="1"\}} (\S+)$'
    return sum(int(float(count)) for count in re.findall(pattern, text, re.MULTILINE))


def wait_until_taken(metrics: str, model: str, count: int, seconds: float = 60.0) -> None:
    """Waits until a model has so many requests in its queue or behind it."""
    deadline = time.monotonic() + seconds
    while taken(metrics, model) < count:
        assert time.monotonic() < deadline, f"{model} did not get {count} requests"
        time.sleep(0.02)
