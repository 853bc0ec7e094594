"""The smoke test of a deployed bundle, against real servers: right, wrong and none."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

BUILT = Path(__file__).parents[2] / "model_repository"

ENSEMBLES = ("asr", "ocr", "text_embed", "vision", "vision_text")

KNOWN = (*ENSEMBLES, "generate")
"""The pipelines of the demo whose answer is known."""

SERVED = (*KNOWN, *(f"{name}_bls" for name in ENSEMBLES), "ocr_fused", "vision_fused")
"""Those that it serves."""

WRONG = """
import numpy, triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        text = numpy.array([{text}], object)
        return [pb.InferenceResponse([pb.Tensor("text", text)]) for _ in requests]
"""
CONFIG = """
backend: "python"
max_batch_size: 0
input {{ name: "{input}" data_type: TYPE_UINT8 dims: -1 }}
output {{ name: "text" data_type: TYPE_STRING dims: -1 }}
instance_group {{ kind: KIND_CPU count: 1 }}
"""

ENSEMBLE = """
platform: "ensemble"
max_batch_size: 0
input { name: "image" data_type: TYPE_UINT8 dims: -1 }
output { name: "text" data_type: TYPE_STRING dims: -1 }
ensemble_scheduling { step { model_name: "ocr" model_version: -1
  input_map { key: "image" value: "image" } output_map { key: "text" value: "text" } } }
"""


@pytest.fixture(scope="module")
def server(built: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    with LocalServer(built, environment=server_environment) as server:
        yield server
        server.stop(now=True)


@pytest.fixture
def gateway(server: LocalServer) -> Iterator[str]:
    """A gateway that routes the host name multimodal.example, below /serving, and no other."""

    class Route(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/serving")
            if self.headers["Host"] != "multimodal.example" or path == self.path:
                self.send_error(404, "no route")
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers) | {"Host": server.http}
            answer = urllib3.request(
                self.command,
                f"http://{server.http}{path}",
                body=body or None,
                headers=headers,
                timeout=60,  # three seconds, unless one says
            )
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Route) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/serving"
        listening.shutdown()
        thread.join()


def smoke(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "clients.smoke", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def results(table: str) -> dict[str, str]:
    rows = [re.split(r" {2,}", line) for line in table.splitlines()[1:]]
    return {name: result for name, result, _ in rows}


def add(server: LocalServer, name: str, text: str, tensor: str = "image") -> None:
    (server.repository / name / "1").mkdir(parents=True)
    (server.repository / name / "1" / "model.py").write_text(WRONG.format(text=text))
    (server.repository / name / "config.pbtxt").write_text(CONFIG.format(input=tensor))
    server.control.load(name)


def test_every_pipeline_of_the_built_repository_answers_as_known(server: LocalServer) -> None:
    code, table, errors = smoke(f"http://{server.http}/")
    assert (code, errors) == (0, "")
    assert results(table) == dict.fromkeys(SERVED, "ok")


def test_a_gateway_routes_by_host_and_path(gateway: str) -> None:
    code, table, errors = smoke(gateway, "--host", "multimodal.example", "--pipeline", "ocr")
    assert (code, errors, results(table)) == (0, "", {"ocr": "ok"})
    code, _, errors = smoke(gateway)
    assert code == 1
    assert "no Triton (expected a JSON object, found HTTP 404" in errors
    assert "--host" in errors
    assert errors.count("\n") == 1


def test_wrong_answers_and_missing_pipelines_are_told(triton: LocalServer) -> None:
    code, table, errors = smoke(f"http://{triton.http}")
    assert (code, results(table)) == (1, dict.fromkeys(KNOWN, "not served"))
    told = f"error: no pipeline whose answer is known is served at http://{triton.http}; name"
    assert errors.startswith(told) and errors.count("\n") == 1
    assert "--repository DIR" in errors and "--family path:DIR" in errors
    code, table, errors = smoke(f"http://{triton.http}", "--repository", str(BUILT))
    missing = dict.fromkeys(SERVED, "missing")
    assert (code, results(table)) == (1, missing)
    assert f"ocr is not served at http://{triton.http}" in errors

    add(triton, "ocr", "'The Harbour Gazette', 'Fairy timetable'")
    add(triton, "ocr_bls", "'never asked'", tensor="picture")
    both = ("--pipeline", "ocr", "--pipeline", "ocr_bls")
    code, table, errors = smoke(f"http://{triton.http}", *both)
    assert (code, results(table)) == (1, {"ocr": "wrong", "ocr_bls": "unfit"})
    assert "text[1], expected 'Ferry timetable changes', found 'Fairy timetable'" in errors
    assert errors.startswith("error: ")
    assert "'ocr_bls': expected one of its inputs, picture, found 'image'" in errors
    assert errors.count("\n") == 2

    (triton.repository / "chain" / "1").mkdir(parents=True)
    (triton.repository / "chain" / "config.pbtxt").write_text(ENSEMBLE)
    triton.control.load("chain")
    assert results(smoke(f"http://{triton.http}")[1])["chain"] == "no known answer"


PIECES = """
import numpy, triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            words = pb.get_input_tensor_by_name(request, "say").as_numpy()
            for word in words:
                if word == b"no":
                    error = pb.TritonError("not this", pb.TritonError.INVALID_ARG)
                    sender.send(pb.InferenceResponse(error=error))
                else:
                    sender.send(pb.InferenceResponse([pb.Tensor("word", numpy.array([word]))]))
            sender.send(flags=pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
PIECES_CONFIG = """
backend: "python"
max_batch_size: 0
input { name: "say" data_type: TYPE_STRING dims: -1 }
output { name: "word" data_type: TYPE_STRING dims: 1 }
model_transaction_policy { decoupled: true }
instance_group { kind: KIND_CPU count: 1 }
"""
QUESTIONS = """
from repository.usage import Question, Texts, Usage

def no_text():
    import numpy
    return numpy.array([b"\\xff"], object)

def question(*words):
    return Usage(words="Say.", question=Question(inputs={"say": words[0]}, answer=words[1]))

USAGE = {
    "says": question(["one", "two"], {"word": Texts(["one", "two"])}),
    "refuses": question(["one", "no"], {"word": Texts(["one"])}),
    "errs": question(["one"], {"word": Texts(["two"])}),
    "binary": question(no_text, {"word": Texts(["?"])}),
}
"""


def test_answers_in_pieces_are_asked_as_http_can(triton: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "family.py").touch()
    (tmp_path / "usage.py").write_text(QUESTIONS)
    for name in ("says", "refuses", "errs", "binary"):
        (triton.repository / name / "1").mkdir(parents=True)
        (triton.repository / name / "1" / "model.py").write_text(PIECES)
        (triton.repository / name / "config.pbtxt").write_text(PIECES_CONFIG)
        triton.control.load(name)
    expected = {"says": "ok", "refuses": "refused", "errs": "wrong", "binary": "unfit"}
    asked = [word for name in expected for word in ("--pipeline", name)]
    code, table, errors = smoke(f"http://{triton.http}", "--family", f"path:{tmp_path}", *asked)
    assert (code, results(table)) == (1, expected), errors
    assert "refuses refused (HTTP 200): not this" in errors
    assert "word[0], expected 'two', found 'one'" in errors
    assert "input 'say' has bytes that are not text; ask it over gRPC" in errors


def test_nothing_listens() -> None:
    code, table, errors = smoke("http://127.0.0.1:9")
    assert (code, table) == (1, "")
    assert errors.startswith("error: nothing answers at http://127.0.0.1:9/")
    assert errors.count("\n") == 1


def test_a_pipeline_without_a_known_answer_cannot_be_asked_for() -> None:
    code, _, errors = smoke("http://127.0.0.1:9", "--pipeline", "orc")
    assert code == 2
    assert "there are: asr, generate, ocr" in " ".join(errors.replace("│", " ").split())


def test_an_address_without_a_scheme_is_wrong_usage() -> None:
    expected = "error: expected http://<host> or https://<host>, found '127.0.0.1:9'\n"
    assert smoke("127.0.0.1:9") == (2, "", expected)
