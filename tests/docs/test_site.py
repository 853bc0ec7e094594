"""The site: it is made without a warning, and needs no internet."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1800)]

ELSEWHERE = re.compile(r"^(https?:)?//")
LOADED = re.compile(r"""(?:url\(|@import|import\(|fetch\()\s*["']?((?:https?:)?//[^"')\s]+)""")
"""What a style or a script would load by itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run([*command, "docs", str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


class Loaded(HTMLParser):
    """What a browser loads for a page, without a click."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = {"link": "href", "a": ""}.get(tag, "src")
        self.found += [value for key, value in attrs if key == name and value]


def loads(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".html":
            yield from ((path, each) for each in Loaded(path).found)
        elif path.suffix in (".css", ".js"):
            yield from ((path, each) for each in LOADED.findall(path.read_text("utf-8")))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    found = [(str(path.relative_to(site)), each) for path, each in loads(site)]
    assert len(found) > 100, "the pages load styles and scripts of their own"
    assert [each for each in found if ELSEWHERE.match(each[1])] == []


def test_what_a_page_loads_is_there(site: Path) -> None:
    missing = [
        (path.name, each)
        for path, each in loads(site)
        if path.suffix == ".html" and not each.startswith("data:")
        and not (path.parent / each.partition("?")[0].partition("#")[0]).exists()
    ]  # fmt: skip
    assert missing == []


def test_every_page_is_on_it_and_the_docstrings_too(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert {each for each in pages if not (site / each).with_suffix(".html").exists()} == set()
    clients = (site / "api" / "clients.html").read_text("utf-8")
    assert 'id="clients.ocr.client.OcrClient.read"' in clients
    assert (site / "searchindex.js").stat().st_size > 10_000


def test_a_link_out_of_the_folder_gives_the_file(site: Path) -> None:
    page = (site / "add-a-family.html").read_text("utf-8")
    assert re.search(r'href="_downloads/\w+/CONTRIBUTING.md"', page)
