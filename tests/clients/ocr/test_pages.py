"""The command ``ocr`` and files of several pages, on a server that answers in no time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from clients.cli.app import app
from clients.connection.errors import RequestError
from clients.ocr.client import OcrClient
from tests.clients.standin import Served

HEADS = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]


def ocr(file: Path, port: int, *options: str) -> Result:
    return CliRunner().invoke(app, ["ocr", str(file), "--url", f"127.0.0.1:{port}", *options])


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    """For a server that does not look into it."""
    file = tmp_path / "pages.tif"
    file.write_bytes(HEADS[0] + bytes(60))
    return file


def pages_of(served: Served) -> list[list[int]]:
    """What each request asked for."""
    return [
        np.frombuffer(content, np.int32).tolist()
        for request in served.servicer.asked
        for each, content in zip(request.inputs, request.raw_input_contents, strict=True)
        if each.name == "only_pages"
    ]


@pytest.mark.parametrize("head", HEADS)
def test_a_tiff_is_read_page_by_page_so_that_no_bound_holds_for_all_of_them(
    served: Served, port: int, tiff: Path, head: bytes
) -> None:
    tiff.write_bytes(head + bytes(60))
    served.servicer.pages = 70
    printed = ocr(tiff, port, "--json")
    assert printed.exit_code == 0, printed.output
    assert [line["page"] for line in json.loads(printed.stdout)] == list(range(1, 71))
    assert pages_of(served) == [[number] for number in range(1, 71)]


@pytest.mark.parametrize(
    ("options", "pages"),
    [
        (("--page", "2"), [2]),
        (("--page", "2-4"), [2, 3, 4]),
        (("--page", "4", "--page", "1-2", "--page", "2"), [1, 2, 4]),
        (("--page", "5-5"), [5]),
    ],
)
def test_pages_are_chosen_by_number_and_by_range(
    served: Served, port: int, tiff: Path, options: tuple[str, ...], pages: list[int]
) -> None:
    served.servicer.pages = 5
    assert ocr(tiff, port, *options).exit_code == 0
    assert pages_of(served) == [[number] for number in pages]


@pytest.mark.parametrize("given", ["0", "-1", "3-1", "2-", "-", "two", "", "1,2", "1-999999999"])
def test_pages_that_are_none_are_refused_before_anything_is_asked(
    served: Served, port: int, tiff: Path, given: str
) -> None:
    refused = ocr(tiff, port, f"--page={given}")
    assert refused.exit_code == 2
    assert f"found '{given}'" in " ".join(refused.stderr.replace("│", " ").split())
    assert served.servicer.asked == []


def test_pages_that_the_file_has_not_are_named_by_the_option(
    served: Served, port: int, tiff: Path
) -> None:
    served.servicer.pages = 3
    refused = ocr(tiff, port, "--page", "2-5")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "error: --page must name pages from 1 to 3, which the file has, found [4, 5]\n"
    )
    with OcrClient(f"127.0.0.1:{port}") as client:
        with pytest.raises(RequestError, match=r"^only_pages must name pages .* found \[4\]$"):
            next(client.read_pages(tiff.read_bytes(), pages=[4, 3]))
        with pytest.raises(RequestError, match="found none"):
            next(client.read_pages(tiff.read_bytes(), pages=[]))


def test_what_was_read_before_a_broken_page_is_printed(
    served: Served, port: int, tiff: Path
) -> None:
    served.servicer.pages, served.servicer.broken_page = 4, 3
    broken = ocr(tiff, port, "--json")
    assert broken.exit_code == 1
    assert [line["page"] for line in json.loads(broken.stdout)] == [1, 2]
    assert broken.stderr == "error: page 3: --page names a broken one\n"
    first = ocr(tiff, port, "--page", "3", "--json")
    assert (first.exit_code, first.stdout) == (1, "")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--draw", "no/out.png"), 1, "error: cannot draw no/out.png: found no folder no;"),
        (("--draw", "out"), 1, "found the ending ''"),
        (("--draw", "out.xyz"), 1, "found the ending '.xyz'"),
        (("--draw", "out.png", "--font", "no.ttf"), 1, "the font no.ttf: expected a TrueType"),
        (("--json", "--markdown"), 2, "choose one of --json and --markdown"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_asked(
    served: Served, port: int, tiff: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    refused = ocr(tiff, port, *options)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert said in refused.stderr
    assert served.servicer.asked == []
