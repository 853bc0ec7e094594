"""Images of a folder ranked by a text and by an image, over gRPC, and what goes wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from typer.testing import CliRunner, Result

from clients.cli.app import app
from clients.vision.client import VisionClient
from clients.vision.search import look
from tests.clients.standin import answer
from tests.ports import kept_port

AXES = {b"red": 0, b"green": 1, b"blue": 2}


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Its images are a colour's name and how much of it: their vector is that far on its axis."""

    def __init__(self) -> None:
        self.pipelines = {"vision", "vision_text"}
        self.refuse: tuple[grpc.StatusCode, str] | None = None
        self.asked = self.most_at_once = self._under_way = 0
        self._lock = threading.Lock()
        self.enough = threading.Event()
        self.wait_for = 0

    def ModelInfer(
        self, request: service_pb2.ModelInferRequest, context: grpc.ServicerContext
    ) -> service_pb2.ModelInferResponse:
        if request.model_name not in self.pipelines:
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"Request for unknown model: '{request.model_name}' is not found",
            )
        (content,) = request.raw_input_contents
        if request.model_name == "vision_text":
            return answer(text_pooled=3 * _vector(content[4:], 1.0)[None])
        with self._lock:
            self.asked += 1
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            if self._under_way >= self.wait_for:
                self.enough.set()
        try:
            if self.wait_for:
                assert self.enough.wait(60)
            if self.refuse is not None:
                context.abort(*self.refuse)
            colour, _, share = content.partition(b" ")
            if colour not in AXES:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the bytes are not an image")
            return answer(pooled=5 * _vector(colour, float(share)))
        finally:
            with self._lock:
                self._under_way -= 1


def _vector(colour: bytes, share: float) -> np.ndarray:
    """With a share of one colour, and the rest of another direction, which no colour has."""
    made = np.zeros(4, np.float32)
    made[AXES[colour]], made[3] = share, (1 - share**2) ** 0.5
    return made


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    servicer = Server()
    with kept_port() as port:
        made = grpc.server(futures.ThreadPoolExecutor(8))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, made)
        assert made.add_insecure_port(f"127.0.0.1:{port}") == port
        made.start()
        yield servicer, f"127.0.0.1:{port}"
        made.stop(None).wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "much.png": "red 0.9", "little.png": "red 0.3", "more/some.png": "red 0.6",
        "other.png": "blue 1.0", "notes.txt": "shopping", ".hidden.png": "red 1.0",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


def run(url: str, *arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "--url", url, "--patience=0"])


def test_images_are_found_by_a_text(server: tuple[Server, str], folder: Path) -> None:
    result = run(server[1], "find", "red", "--images", folder, "--top", 3)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f" 0.900  {folder / 'much.png'}",
        f" 0.600  {folder / 'more' / 'some.png'}",
        f" 0.300  {folder / 'little.png'}",
    ]
    assert result.stderr == f"skipped {folder / 'notes.txt'}: the bytes are not an image\n"


def test_a_file_s_name_cannot_write_to_the_terminal(
    server: tuple[Server, str], folder: Path
) -> None:
    (folder / "\x1b[2Jclear.png").write_text("red 0.8", "utf-8")
    (folder / "\x1b]0;title.txt").write_text("shopping", "utf-8")
    result = run(server[1], "find", "red", "--images", folder)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout + result.stderr
    assert "\\x1b[2Jclear.png" in result.stdout
    assert "skipped" in result.stderr and "\\x1b]0;title.txt" in result.stderr


def test_images_are_found_by_an_image(server: tuple[Server, str], folder: Path) -> None:
    server[0].pipelines = {"vision"}
    result = run(server[1], "similar", folder / "other.png", "--images", folder, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found[0] == {"file": str(folder / "other.png"), "likeness": pytest.approx(1.0)}
    assert len(found) == 4


@pytest.mark.parametrize("pipeline", ["vision", "vision_text"])
def test_a_server_without_the_pipeline_says_what_adds_it(
    server: tuple[Server, str], folder: Path, pipeline: str
) -> None:
    server[0].pipelines.remove(pipeline)
    result = run(server[1], "find", "red", "--images", folder)
    assert result.exit_code == 1 and result.stdout == ""
    assert f"the server has no pipeline '{pipeline}'; the profile's key" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_overloaded_server_ends_the_search(server: tuple[Server, str], folder: Path) -> None:
    server[0].refuse = (grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size")
    result = run(server[1], "find", "red", "--images", folder)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: Exceeds maximum queue size\n"


def test_few_images_are_under_way_at_once(server: tuple[Server, str], tmp_path: Path) -> None:
    servicer, url = server
    servicer.wait_for = 3
    for number in range(12):
        (tmp_path / f"{number:02}.png").write_text("green 0.5", "utf-8")
    counts: list[int] = []
    with VisionClient(url) as client:
        wanted = client.text("green")
        seen = look(client, wanted, sorted(tmp_path.iterdir()), 3, counts.append)
    assert (servicer.asked, servicer.most_at_once) == (12, 3)
    assert counts == list(range(1, 13))
    # Equally good ones stand by their names.
    assert [each.file.name for each in seen] == [f"{number:02}.png" for number in range(12)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none", "expected a folder, found none"),
        (lambda folder: folder / "notes.txt", "expected a folder, found a file"),
        (lambda folder: folder / "empty", "expected images, found no file"),
        (lambda folder: folder / "texts", "expected images, found none among 1 files"),
    ],
)
def test_a_folder_without_images_is_refused(
    server: tuple[Server, str], folder: Path, make: object, said: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("a", "utf-8")
    assert callable(make)
    result = run(server[1], "find", "red", "--images", make(folder))
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_an_image_that_is_not_there_is_refused(server: tuple[Server, str], folder: Path) -> None:
    result = run(server[1], "similar", folder / "none.png", "--images", folder)
    assert result.exit_code == 1 and "none.png" in result.stderr
    result = run(server[1], "similar", folder / "notes.txt", "--images", folder)
    assert (result.exit_code, result.stderr) == (1, "error: the bytes are not an image\n")
