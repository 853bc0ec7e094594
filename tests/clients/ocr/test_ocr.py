"""The served OCR pipeline, through the client and the real server."""

from __future__ import annotations

import io
import json
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
import tritonclient.http as http
from PIL import Image
from tritonclient.utils import InferenceServerException

from clients.chained import Chained, request_input
from clients.connection.errors import RequestError
from clients.ocr.client import OcrClient
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.waiting import once_there_is_room

Encode = Callable[..., bytes]
Render = Callable[..., Image.Image]


@pytest.fixture(scope="module")
def server(built: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(built, load=("ocr", "ocr_bls"), environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


@pytest.fixture(scope="module")
def client(server: LocalServer) -> Iterator[OcrClient]:
    with OcrClient(server.grpc) as client:
        yield client


@pytest.fixture(scope="module")
def page(render: Render, encode: Encode) -> bytes:
    return encode(render())


def texts(client: OcrClient, image: bytes, **options: Any) -> list[str]:
    return [line.text for line in client.read(image, **options)]


def test_lines_come_in_reading_order_with_boxes_in_the_images_pixels(
    client: OcrClient, page: bytes
) -> None:
    lines = client.read(page)
    assert [line.text for line in lines] == ["Hello Triton", "Second line 42"]
    for number, line in enumerate(lines):
        assert 0.8 < line.score <= 1
        (left, top), _, (right, bottom), _ = line.box
        assert 15 < left < 45
        assert 25 + 60 * number - 20 < top < 25 + 60 * number + 20
        assert left < right <= 640
        assert top < bottom <= 160


@pytest.mark.parametrize(
    ("form", "options"),
    [("JPEG", {"quality": 90}), ("PNG", {}), ("WEBP", {}), ("TIFF", {}), ("BMP", {})],
)
def test_every_file_format_is_read(
    client: OcrClient, render: Render, encode: Encode, form: str, options: dict[str, Any]
) -> None:
    assert texts(client, encode(render(), form, **options)) == ["Hello Triton", "Second line 42"]


def test_exif_orientation_is_honoured_and_boxes_are_of_the_upright_image(
    client: OcrClient, render: Render, encode: Encode
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    stored = render().transpose(Image.Transpose.ROTATE_90)
    lines = client.read(encode(stored, "JPEG", exif=exif, quality=95), orientation=False)
    assert [line.text for line in lines] == ["Hello Triton", "Second line 42"]
    assert all(x <= 640 and y <= 160 for line in lines for x, y in line.box)


def test_a_page_without_text_is_empty(client: OcrClient, encode: Encode) -> None:
    assert client.read(encode(Image.new("RGB", (300, 200), "white"))) == []


def test_optional_inputs_change_the_answer(client: OcrClient, page: bytes, encode: Encode) -> None:
    assert texts(client, page, minimum_score=1.0) == []
    assert len(texts(client, page, minimum_score=0.0, maximum_side=640, orientation=False)) == 2
    turned = encode(Image.open(io.BytesIO(page)).rotate(180))
    assert texts(client, turned) == ["Hello Triton", "Second line 42"]
    assert texts(client, turned, orientation=False) != ["Hello Triton", "Second line 42"]


def test_ensemble_bls_chained_and_in_process_agree(
    built: Path, server: LocalServer, render: Render, encode: Encode
) -> None:
    pages = [
        encode(render()),
        encode(render(tuple(f"Line {n}, of {n * 37} words" for n in range(9)), 20).rotate(3)),
        encode(Image.new("RGB", (200, 100), "white")),
    ]
    process, chained = InProcess(built), Chained(server.grpc, "ocr")
    with grpc.InferenceServerClient(server.grpc) as triton:
        for image in pages:
            inputs = {"image": np.frombuffer(image, np.uint8)}
            answers: list[Mapping[str, np.ndarray]] = [
                process.run("ocr", inputs),
                chained.run(inputs),
            ]
            for model in ("ocr", "ocr_bls"):
                sent = [request_input(name, array) for name, array in inputs.items()]
                result = triton.infer(model, sent)
                names = ("text", "boxes", "scores")
                answers.append({name: np.asarray(result.as_numpy(name)) for name in names})
            for answer in answers[1:]:
                assert answer["text"].tolist() == answers[0]["text"].tolist()
                np.testing.assert_allclose(answer["boxes"], answers[0]["boxes"], atol=1e-3)
                np.testing.assert_allclose(answer["scores"], answers[0]["scores"], atol=1e-5)
    chained.close()


def hostile(encode: Encode, page: bytes) -> dict[str, bytes]:
    bomb = encode(Image.new("1", (20_000, 20_000)))
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("white", "red")]
    return {
        "empty": b"",
        "one byte": b"\x89",
        "text": b"this is no image, it is a sentence",
        "truncated": page[: len(page) // 2],
        "corrupt": page[:200] + bytes(400) + page[600:],
        "jpeg header alone": b"\xff\xd8\xff\xe0\x00\x10JFIF",
        "bomb": bomb,
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><text>x</text></svg>",
        "1x1": encode(Image.new("RGB", (1, 1))),
        "20,000 wide": encode(Image.new("L", (20_000, 30), 255)),
        "16 bit": encode(Image.fromarray(np.full((60, 90), 60_000, np.uint16))),
        "cmyk": encode(Image.new("CMYK", (80, 60)), "JPEG"),
        "palette": encode(Image.new("P", (80, 60))),
        "alpha": encode(Image.new("RGBA", (80, 60), (0, 0, 0, 0))),
        "animated": encode(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    }


REFUSED = (
    "empty", "one byte", "text", "truncated", "corrupt", "jpeg header alone", "bomb", "svg",
)  # fmt: skip


def one_sentence(text: str) -> bool:
    return (
        0 < len(text) < 300
        and "\n" not in text
        and "Traceback" not in text
        and "/" not in text.replace("JPEG/", "")
    )


@pytest.mark.thorough
def test_hostile_files_are_refused_in_one_sentence_or_read_and_the_server_stays(
    server: LocalServer, client: OcrClient, encode: Encode, page: bytes
) -> None:
    for name, image in hostile(encode, page).items():
        if name in REFUSED:
            with pytest.raises(RequestError) as refused:
                client.read(image)
            assert refused.value.code == "INVALID_ARGUMENT", name
            assert one_sentence(str(refused.value)), (name, str(refused.value))
        else:
            assert client.read(image) == [], name
        assert texts(client, page) == ["Hello Triton", "Second line 42"], f"after {name}"
    with http.InferenceServerClient(server.http) as triton:
        assert triton.is_server_ready()


@pytest.mark.parametrize(
    "options",
    [
        {"minimum_score": float("nan")},
        {"minimum_score": float("inf")},
        {"minimum_score": -1.0},
        {"minimum_score": 7.0},
        {"maximum_side": 0},
        {"maximum_side": -5},
        {"maximum_side": 2**31 - 1},
    ],
    ids=str,
)
def test_senseless_options_are_refused_by_name(
    client: OcrClient, page: bytes, options: dict[str, Any]
) -> None:
    with pytest.raises(RequestError) as refused:
        client.read(page, **options)
    assert refused.value.code == "INVALID_ARGUMENT"
    assert next(iter(options)).replace("_", " ") in str(refused.value).replace("_", " ")
    assert one_sentence(str(refused.value))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("image", np.zeros(10, np.float32)),
        ("image", np.zeros((2, 5), np.uint8)),
        ("picture", np.zeros(10, np.uint8)),
        ("minimum_score", np.array([0.5, 0.5], np.float32)),
        ("orientation", np.array([1], np.int32)),
    ],
    ids=["dtype", "rank", "unknown and missing input", "shape of an option", "dtype of an option"],
)
def test_wrong_tensors_are_refused(
    server: LocalServer, page: bytes, name: str, array: np.ndarray
) -> None:
    inputs = {name: array}
    if name not in ("image", "picture"):
        inputs["image"] = np.frombuffer(page, np.uint8)
    with grpc.InferenceServerClient(server.grpc) as triton:
        with pytest.raises(InferenceServerException) as refused:
            triton.infer("ocr", [request_input(key, value) for key, value in inputs.items()])
        assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
        assert one_sentence(refused.value.message() or "")
        assert triton.is_server_ready()


def test_bad_requests_among_good_ones_hurt_nobody_else(
    client: OcrClient, encode: Encode, render: Render
) -> None:
    """Sixteen at once, each with a text of its own, every second one broken."""

    def ask(number: int) -> list[str] | str:
        image = encode(render((f"Number {number * 111}",)))
        try:
            return texts(client, image if number % 2 else image[: len(image) // 2])
        except RequestError as refused:
            return refused.code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    for number, answer in enumerate(answers):
        assert answer == ([f"Number {number * 111}"] if number % 2 else "INVALID_ARGUMENT")


@pytest.mark.thorough
def test_overload_is_refused_and_every_answer_is_its_own(
    client: OcrClient, server: LocalServer, encode: Encode, render: Render
) -> None:
    """Far more at once than the queues hold: each gets its own text, or UNAVAILABLE."""
    images = [encode(render((f"Page {number * 7}",))) for number in range(300)]
    answers: queue.Queue[tuple[int, Any, Any]] = queue.Queue()
    with grpc.InferenceServerClient(server.grpc) as triton:
        for number, image in enumerate(images):
            tensor = request_input("image", np.frombuffer(image, np.uint8))
            triton.async_infer(
                "ocr",
                [tensor],
                lambda result, error, number=number: answers.put((number, result, error)),
            )
        refused = 0
        for _ in images:
            number, result, error = answers.get(timeout=120)
            if error is not None:
                assert error.status() == "StatusCode.UNAVAILABLE", error
                assert one_sentence(error.message()), error.message()
                refused += 1
            else:
                assert result.as_numpy("text").tolist() == [f"Page {number * 7}".encode()]
        assert 0 < refused < len(images)
        assert triton.is_server_ready()
    assert once_there_is_room(lambda: texts(client, images[3])) == ["Page 21"]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clients", "ocr", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_prints_lines_json_and_a_drawing(
    server: LocalServer, page: bytes, tmp_path: Path
) -> None:
    file, drawing = tmp_path / "page.png", tmp_path / "out.png"
    file.write_bytes(page)
    plain = command(str(file), "--url", server.grpc, "--draw", str(drawing))
    assert plain.returncode == 0, plain.stderr
    assert [line.split(maxsplit=3)[-1] for line in plain.stdout.splitlines()] == [
        "Hello Triton",
        "Second line 42",
    ]
    drawn = np.asarray(Image.open(drawing))
    assert drawn.shape == (160, 1280, 3)
    blue = (drawn == (24, 119, 242)).all(axis=-1)
    assert blue[:, :640].any()
    assert (drawn[:, 640:] < 100).all(axis=-1).sum() > 200, "the text beside the page"
    found = json.loads(command(str(file), "--url", server.grpc, "--json").stdout)
    assert [line["text"] for line in found] == ["Hello Triton", "Second line 42"]
    assert np.array(found[0]["box"]).shape == (4, 2)


@pytest.mark.thorough
def test_the_command_prints_tables_as_markdown_and_their_cells_as_json(
    server: LocalServer, tmp_path: Path
) -> None:
    invoice = str(Path(__file__).parents[2] / "ocr" / "pages" / "invoice.png")
    drawing = tmp_path / "out.png"
    printed = command(invoice, "--url", server.grpc, "--markdown", "--draw", str(drawing)).stdout
    blocks = printed.rstrip("\n").split("\n\n")
    assert blocks[0] == "# Brightwater Ltd." and blocks[-1] == "Please pay within 14 days."
    (table,) = (block for block in blocks if block.startswith("|"))
    rows = table.splitlines()
    assert rows[:2] == ["| Item | Qty | Unit price | Amount |", "| --- | --- | --- | --- |"]
    assert len(rows) == 7 and rows[-1] == "| Dish soap | 3 | 0.95 | 2.85 |"
    assert Image.open(drawing).size == (1800, 700)
    found = json.loads(command(invoice, "--url", server.grpc, "--json").stdout)
    cells = {line["text"]: line["cell"] for line in found}
    assert cells["Bananas loose"] == {"table": 0, "row": 3, "column": 0, "columns": 1}
    assert cells["Please pay within 14 days."] is None


@pytest.mark.thorough
def test_the_commands_failures_are_one_sentence_and_exit_1(
    server: LocalServer, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    for arguments in (
        (str(tmp_path / "missing.png"),),
        (str(tmp_path),),
        (str(broken), "--url", server.grpc),
        (str(broken), "--url", "127.0.0.1:1", "--patience=0"),
        (str(broken), "--url", server.grpc, "--model", "nowhere"),
    ):
        result = command(*arguments)
        assert result.returncode == 1, arguments
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1, result.stderr


@pytest.mark.thorough
def test_pages_of_a_tiff_come_with_their_numbers_and_can_be_chosen(
    server: LocalServer, client: OcrClient, render: Render, encode: Encode, tmp_path: Path
) -> None:
    first, second = render(("First page",)), render(("Second page", "has two lines"))
    data = encode(first, "TIFF", save_all=True, append_images=[second])
    lines = client.read(data)
    assert [(line.page, line.text) for line in lines] == [
        (1, "First page"),
        (2, "Second page"),
        (2, "has two lines"),
    ]
    assert all(y <= 160 for line in lines for _, y in line.box)
    assert [line.page for line in client.read(data, pages=[2])] == [2, 2]
    with pytest.raises(RequestError, match="only_pages must name pages from 1 to 2"):
        client.read(data, pages=[3])
    file, drawing = tmp_path / "two.tiff", tmp_path / "out.png"
    file.write_bytes(data)
    result = command(str(file), "--url", server.grpc, "--draw", str(drawing))
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["page", "1"],
        ["page", "2"],
        ["page", "2"],
    ]
    assert (tmp_path / "out-1.png").exists() and (tmp_path / "out-2.png").exists()
    found = json.loads(command(str(file), "--url", server.grpc, "--json", "--page", "2").stdout)
    assert [line["page"] for line in found] == [2, 2]


@pytest.mark.thorough
def test_pages_of_a_pdf_are_rendered_and_come_with_their_numbers(
    server: LocalServer, client: OcrClient, render: Render, encode: Encode, tmp_path: Path
) -> None:
    first, second = render(("First page",)), render(("Second page", "has two lines"))
    data = encode(first, "PDF", save_all=True, append_images=[second])
    sheets = list(client.read_pdf(data))
    assert [(line.page, line.text) for sheet in sheets for line in sheet.lines] == [
        (1, "First page"),
        (2, "Second page"),
        (2, "has two lines"),
    ]
    # 640 pixels are as many points.
    assert Image.open(io.BytesIO(sheets[1].image)).size == (1778, 445)
    file, drawing = tmp_path / "two.pdf", tmp_path / "out.png"
    file.write_bytes(data)
    result = command(str(file), "--url", server.grpc, "--draw", str(drawing))
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert [line.split(maxsplit=5)[:2] for line in result.stdout.splitlines()] == [
        ["page", "1"],
        ["page", "2"],
        ["page", "2"],
    ]
    assert Image.open(tmp_path / "out-1.png").size == (2 * 1778, 278)
    assert Image.open(tmp_path / "out-2.png").size == (2 * 1778, 445)
    found = json.loads(command(str(file), "--url", server.grpc, "--json", "--page", "2").stdout)
    assert [(line["page"], line["text"]) for line in found] == [
        (2, "Second page"),
        (2, "has two lines"),
    ]
    printed = command(str(file), "--url", server.grpc, "--markdown").stdout
    assert printed == "First page\n\nSecond page\nhas two lines\n"
    for arguments, said in (
        (("--page", "3"), "error: pages must be from 1 to 2, which the PDF has, found [3]\n"),
        (("--minimum-score", "7"), "error: page 1: --minimum-score must be "),
        (("--draw", str(tmp_path / "no" / "out.png")), "error: cannot draw "),
    ):
        refused = command(str(file), "--url", server.grpc, *arguments)
        assert refused.returncode == 1 and refused.stdout == ""
        assert refused.stderr.startswith(said) and refused.stderr.count("\n") == 1


@pytest.mark.thorough
def test_a_drawing_shows_what_the_server_saw(
    server: LocalServer, render: Render, encode: Encode, tmp_path: Path
) -> None:
    page = render()
    clear = Image.new("RGBA", page.size, (255, 255, 255, 0))
    clear.paste((255, 255, 255, 255), mask=page.convert("L").point(lambda level: 255 - level))
    real = Image.fromarray(np.asarray(page.convert("L"), np.float32) / 1000)
    for image, form, paper in ((clear, "PNG", 0), (real, "TIFF", 255)):
        file, drawing = tmp_path / f"page.{form.lower()}", tmp_path / "out.png"
        file.write_bytes(encode(image, form))
        result = command(str(file), "--url", server.grpc, "--draw", str(drawing))
        assert result.returncode == 0, result.stderr
        left = np.asarray(Image.open(drawing).convert("L"))[:, : page.width]
        assert left[0, 0] == paper and np.ptp(left.astype(int)) > 200
