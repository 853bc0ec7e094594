"""Links lead somewhere, and each page can be reached."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.docs.pages import PAGES, ROOT, Page, page


def target(of: Page, link: str) -> tuple[str, str]:
    """The file that a link names, and the heading in it."""
    file, _, anchor = link.partition("#")
    if not file:
        return of.name, anchor
    parts: list[str] = []
    for part in (PurePosixPath(of.name).parent / file).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts), anchor


@pytest.mark.parametrize("of", PAGES, ids=lambda each: each.name)
def test_links_pictures_and_headings_exist(of: Page) -> None:
    for link in of.links():
        file, anchor = target(of, link)
        assert (ROOT / file).exists(), f"{of.name}: {link}"
        if anchor:
            assert anchor in page(file).anchors, f"{of.name}: {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    names = {each.name for each in PAGES}
    reached, ahead = set[str](), ["README.md"]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [target(page(name), link)[0] for link in page(name).links()]
            ahead = [each for each in ahead if each in names]
    assert reached == names


def test_the_readme_fits_on_a_page() -> None:
    assert (ROOT / "README.md").stat().st_size <= 7168
