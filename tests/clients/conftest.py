from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.clients.standin import Served
from tests.ports import kept_port

ROOT = Path(__file__).parents[2]
Render = Callable[..., Image.Image]


@pytest.fixture(scope="session")
def built() -> Path:
    """The repository that `make build-repo` built."""
    folder = ROOT / "model_repository"
    assert (folder / "manifest.json").is_file(), "run `make build-repo` before the tests"
    return folder


@pytest.fixture(scope="session")
def render() -> Render:
    def render(
        lines: tuple[str, ...] = ("Hello Triton", "Second line 42"), size: int = 32
    ) -> Image.Image:
        page = Image.new("RGB", (640, 40 + 60 * len(lines)), "white")
        pen = ImageDraw.Draw(page)
        for number, line in enumerate(lines):
            font = ImageFont.load_default(size)
            pen.text((30, 25 + 60 * number), line, fill="black", font=font)
        return page

    return render


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    def encode(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, form, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def port() -> Iterator[int]:
    with kept_port() as port:
        yield port


@pytest.fixture
def served(port: int) -> Iterator[Served]:
    server = Served(port)
    yield server
    server.stop()
