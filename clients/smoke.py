"""Asks every pipeline of a deployed bundle over HTTP, and holds its answer to the known one.

``python -m clients.smoke http://127.0.0.1:8000``, or ``make smoke URL=…``.
"""

from __future__ import annotations

if __name__ == "__main__":
    # Before what takes long to import: Ctrl-C may come while it is imported.
    from clients.cli.interrupt import run

    run("clients.smoke", "python -m clients.smoke")

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import urllib3

from clients.cli.options import Timeout
from clients.connection.ports import speaks_grpc
from clients.errors import ClientError
from repository.cli.flags import told
from repository.cli.show import Json, show, show_json
from repository.table import Column, Table

_EXAMPLES = Path(__file__).resolve().parent / "examples"
PAGE = _EXAMPLES / "page.png"
TALK = _EXAMPLES / "talk.wav"


def _lines(file: Path) -> tuple[str, ...]:
    """What an example says, line by line: the text file beside it."""
    return tuple(file.with_suffix(".txt").read_text("utf-8").splitlines())


@dataclass(frozen=True)
class Known:
    """A real input of a pipeline and its known answer.

    Attributes:
        input: the name of the one input tensor, UINT8 [-1].
        data: its content.
        output: the name of the output that is looked at, BYTES [-1].
        answer: what it has to be, element by element.
    """

    input: str
    data: Callable[[], bytes]
    output: str
    answer: tuple[str, ...]


_READ_PAGE = Known("image", PAGE.read_bytes, "text", _lines(PAGE))
_HEARD = Known("audio", TALK.read_bytes, "segment_text", _lines(TALK))

PIPELINES = {"asr": _HEARD, "asr_bls": _HEARD, "ocr": _READ_PAGE, "ocr_bls": _READ_PAGE}
"""What can be asked, by the pipeline's name."""


class Wrong(ClientError):
    """A pipeline did not pass; the message is a sentence.

    Attributes:
        result: one word or two for the table.
    """

    def __init__(self, result: str, sentence: str, *, arguments: Sequence[str] = ()) -> None:
        super().__init__(sentence, arguments=arguments)
        self.result = result


class Unreachable(ClientError):
    """Nothing answers at the address; the message is a sentence."""


class Deployed:
    """A Triton behind its public address.

    Args:
        url: ``http://`` or ``https://``, with a path if a gateway routes by one.
        host: the Host header, for a gateway that routes by it; by default that of the URL.
        timeout: seconds that a request may take.
    """

    def __init__(self, url: str, host: str | None = None, timeout: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Host": host} if host else {}
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object of one request.

        Raises:
            Unreachable: no connection, no answer in time, or one that is not Triton's.
        """
        try:
            answer = self._pool.request(
                method, self._url + path, body=body, headers=self._headers | (headers or {})
            )
        except (urllib3.exceptions.HTTPError, ValueError) as problem:
            raise Unreachable(self._why(path, problem)) from problem
        try:
            content = json.loads(answer.data)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise Unreachable(
                f"what answers at {self._url}{path} is no Triton (expected a JSON object, found "
                f"HTTP {answer.status} and {answer.data[:60]!r}); where a gateway routes by host "
                "name, give it",
                arguments=("host",),
            )
        return answer.status, content

    def _why(self, path: str, problem: Exception) -> str:
        """A sentence for a request that got no answer."""
        where = urlsplit(self._url)
        port = where.port or {"http": 80, "https": 443}[where.scheme]
        garbled = isinstance(problem, urllib3.exceptions.ProtocolError)
        if garbled and speaks_grpc(where.hostname or "", port):
            return (
                f"{where.hostname}:{port} speaks gRPC, and the address of HTTP is asked for; "
                "Triton's HTTP port is 8000, unless `--http-port` says otherwise"
            )
        said = {
            urllib3.exceptions.NameResolutionError: "its name is not known here",
            urllib3.exceptions.SSLError: "it does not speak TLS, or its certificate is not trusted",
            urllib3.exceptions.NewConnectionError: "it refuses the connection, or is not there",
            urllib3.exceptions.TimeoutError: "it did not answer in time",
            urllib3.exceptions.ProtocolError: "it closed the connection, or does not speak HTTP",
        }
        why = next((text for kind, text in said.items() if isinstance(problem, kind)), None)
        return (
            f"nothing answers at {self._url}{path}: {why or type(problem).__name__}; check the "
            "address, and that the pods are ready: kubectl get inferenceservice"
        )

    def others(self) -> list[str]:
        """Ensembles that are served and have no known answer here."""
        # Not the repository index: the bundle's runtime asks for the admin key there.
        _, statistics = self.request("GET", "/v2/models/stats")
        names = {str(each["name"]) for each in statistics.get("model_stats", ())}
        return [
            name
            for name in sorted(names - PIPELINES.keys())
            if self.request("GET", f"/v2/models/{name}")[1].get("platform") == "ensemble"
        ]

    def ask(self, name: str) -> None:
        """Sends a pipeline its known input.

        Raises:
            Wrong: it is not served, it refused, or it answered otherwise.
            Unreachable: nothing answers.
        """
        status, metadata = self.request("GET", f"/v2/models/{name}")
        if status != 200:
            raise Wrong(
                "missing",
                f"{name} is not served at {self._url} ({metadata.get('error')}); check the "
                "service's storageUri and its log, or ask others alone",
                arguments=("pipeline",),
            )
        known = PIPELINES[name]
        status, answer = self.request("POST", f"/v2/models/{name}/infer", *_infer(known))
        if status != 200:
            raise Wrong("refused", f"{name} refused (HTTP {status}): {answer.get('error')}")
        found: list[str] = next(
            (o["data"] for o in answer["outputs"] if o["name"] == known.output), []
        )
        if tuple(found) != known.answer:
            raise Wrong("wrong", f"{name} gave a wrong answer: {_difference(known, found)}")


def _infer(known: Known) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a request with a binary tensor, whose answer is JSON.

    https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.
    """
    data = known.data()
    tensor = {
        "name": known.input,
        "datatype": "UINT8",
        "shape": [len(data)],
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor], "outputs": [{"name": known.output}]}).encode()
    return head + data, {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }


def _difference(known: Known, found: Sequence[str]) -> str:
    for number, expected in enumerate(known.answer):
        if number >= len(found) or found[number] != expected:
            got = repr(found[number]) if number < len(found) else "nothing"
            return f"{known.output}[{number}], expected {expected!r}, found {got}"
    return f"{known.output}, expected {len(known.answer)} elements, found {len(found)}"


def _mistake(url: str) -> str | None:
    """Why a public address cannot be one; None if it can."""
    expected = "expected http://<host> or https://<host>"
    if not url.startswith(("http://", "https://")):
        return f"{expected}, found '{url}'"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is no port
    except ValueError:
        return f"{expected}, with a port from 1 to 65535 if any, found '{url}'"
    if "@" in parts.netloc:
        return f"{expected}, without a user or a password"
    if not parts.hostname or re.search(r"\s", url) or parts.query or parts.fragment:
        return f"{expected}, found '{url}'"
    return None


def smoke(
    url: Annotated[str, typer.Argument(help="The public address, as http://127.0.0.1:8000.")],
    host: Annotated[
        str | None, typer.Option(help="The Host header, for a gateway that routes by host name.")
    ] = None,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(help=f"Ask these alone; the default is all: {', '.join(PIPELINES)}."),
    ] = None,
    timeout: Timeout = 60.0,
    as_json: Json = False,
) -> None:
    """Ask the pipelines of a deployed bundle; exit code 1 unless every answer is the known one.

    With `--json` it prints `url`, `ok`, and the list `pipelines`, each with `pipeline`, `result`,
    `seconds` and `error`.
    """
    for name in pipeline or ():
        if name not in PIPELINES:
            raise typer.BadParameter(
                f"no answer of '{name}' is known; there are: {', '.join(PIPELINES)}"
            )
    if mistake := _mistake(url):
        typer.echo(f"error: {mistake}", err=True)
        raise typer.Exit(2)
    deployed = Deployed(url, host, timeout)
    asked: list[dict[str, Any]] = []
    try:
        for name in pipeline or PIPELINES:
            started = time.monotonic()
            result, error = "ok", ""
            try:
                deployed.ask(name)
            except Wrong as wrong:
                result, error = wrong.result, told(wrong)
            taken = round(time.monotonic() - started, 2)
            asked.append({"pipeline": name, "result": result, "seconds": taken, "error": error})
        unknown = {"result": "no known answer", "seconds": None, "error": ""}
        asked += [{"pipeline": name} | unknown for name in ([] if pipeline else deployed.others())]
    except Unreachable as problem:
        typer.echo(f"error: {told(problem)}", err=True)
        raise typer.Exit(1) from problem
    failures = [each["error"] for each in asked if each["error"]]
    if as_json:
        show_json({"url": url, "ok": not failures, "pipelines": asked})
    else:
        show(_table(asked))
        for sentence in failures:
            typer.echo(f"error: {sentence}", err=True)
    if failures:
        raise typer.Exit(1)


def _table(asked: Sequence[Mapping[str, Any]]) -> Table:
    columns = (Column("pipeline"), Column("result"), Column("seconds", right=True))
    rows = [
        (
            each["pipeline"],
            each["result"],
            "-" if each["seconds"] is None else f"{each['seconds']:.2f}",
        )
        for each in asked
    ]
    return Table(columns, rows)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(smoke)
