"""Liveness of a Triton in a container: real inferences, and a look at the stubs.

``python3 -m runtime.live http://127.0.0.1:8080`` ends with 0 while the server works, and with 1
and a sentence on standard error when only a new start helps: a dead stub is never replaced, and
the server goes on calling itself live and ready. It is the liveness probe of the container, so:

- overload is not a fault: a refused or waiting request counts against a model only if that model
has answered nothing since the last probe;
- if a model's code refuses the synthetic request, since zeros are not an image, the model is asked
once and then only watched, so metrics do not show senseless requests.

Only the standard library, in Python 3.10's language: runtime/Containerfile copies it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from runtime import processes, synthetic

ANSWER_SECONDS = 10.0
"""How long the models have to answer, all at once; the probe's timeoutSeconds is above it."""

# The server is on this machine, whatever proxy the environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_DEAD = "is not healthy"
"""What Triton answers for a stub that died (python_backend, src/python_be.cc)."""


class Dead(Exception):
    """Only a new start helps; the message says why."""


def look(url: str, memory: Path, *, answer_seconds: float = ANSWER_SECONDS) -> None:
    """Looks once.

    Args:
        url: the server's HTTP address, as ``http://127.0.0.1:8080``.
        memory: a file that keeps what is known from one look to the next.
        answer_seconds: how long the models have to answer.

    Raises:
        Dead: the server does not answer, a stub has died, or a model hangs.
    """
    dead = dead_stubs(urlsplit(url).port or 80)
    if dead:
        raise Dead(f"{dead} Python stub(s) of the server have died, which Triton does not replace.")
    known = _remember(memory)
    before = _successes(url)
    asked = {
        name: config
        for name, count in before.items()
        if name not in known["refused"] and count == known["successes"].get(name, count)
        if (config := _probed(url, name)) is not None
    }
    answers = _ask_all(url, asked, answer_seconds)
    after = _successes(url)
    silent = [name for name in asked if name not in answers and after[name] == before[name]]
    refused = [name for name, (code, _) in answers.items() if code not in (200, 503)]
    memory.write_text(
        json.dumps({"successes": after, "refused": sorted({*known["refused"], *refused})})
    )
    for name, (_, text) in answers.items():
        if _DEAD in text:
            raise Dead(f"Model {name} has a stub that has died: {text}")
    if silent:
        raise Dead(
            f"No answer within {answer_seconds:g} s, and no other success, of {', '.join(silent)}."
        )


def dead_stubs(port: int) -> int:
    """How many children of the server that listens on a port have ended and are not replaced."""
    dead = 0
    for server in processes.named("tritonserver"):
        if f"--http-port={port}" in processes.arguments(server):
            dead += sum(not processes.is_running(child) for child in processes.children(server))
    return dead


def _remember(memory: Path) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_text())
        return {"successes": dict(known["successes"]), "refused": list(known["refused"])}
    except (OSError, ValueError, KeyError, TypeError):  # the first look, or a look cut off
        return {"successes": {}, "refused": []}


def _successes(url: str) -> dict[str, int]:
    try:
        statistics = json.loads(_get(f"{url}/v2/models/stats"))
    except (OSError, ValueError) as error:
        raise Dead(f"The server at {url} does not give its statistics: {error}") from error
    totals: dict[str, int] = {}
    for entry in statistics["model_stats"]:
        count = int(entry["inference_stats"]["success"]["count"])
        totals[entry["name"]] = totals.get(entry["name"], 0) + count
    return totals


def _probed(url: str, name: str) -> Mapping[str, Any] | None:
    """The configuration of a Python model that can be asked; None for any other."""
    try:
        config = json.loads(_get(f"{url}/v2/models/{quote(name)}/config"))
    except (OSError, ValueError):  # being loaded or unloaded
        return None
    if config.get("backend") != "python" or not synthetic.can_be_probed(config):
        return None
    return config  # type: ignore[no-any-return]


def _get(url: str) -> bytes:
    with _DIRECT.open(url, timeout=5.0) as response:
        return response.read()  # type: ignore[no-any-return]


def _ask_all(
    url: str, configs: Mapping[str, Mapping[str, Any]], seconds: float
) -> dict[str, tuple[int, str]]:
    answers: dict[str, tuple[int, str]] = {}

    def ask(name: str) -> None:
        body, headers = synthetic.request(configs[name])
        wanted = urllib.request.Request(
            f"{url}/v2/models/{quote(name)}/infer", data=body, headers=headers
        )
        try:
            with _DIRECT.open(wanted, timeout=seconds) as response:
                answers[name] = (response.status, "")
        except urllib.error.HTTPError as error:
            answers[name] = (error.code, error.read().decode(errors="replace"))
        except OSError:  # no answer in time
            return

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in configs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    return dict(answers)


def main() -> int:
    """Looks once at the server whose address is the first argument.

    Returns:
        0 if it works, else 1.
    """
    try:
        look(sys.argv[1].rstrip("/"), Path(tempfile.gettempdir()) / "triton-live.json")
    except Dead as dead:
        print(dead, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
