"""The pages that people read, with their blocks of code, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: its path in the checkout.
    """

    name: str

    @cached_property
    def text(self) -> str:
        """The page as it is written."""
        return (ROOT / self.name).read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return BLOCK.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The blocks of code in a language."""
        return [text for written, text in BLOCK.findall(self.text) if written == language]

    @cached_property
    def anchors(self) -> set[str]:
        """What links to its headings end in, as GitHub and the site make them."""
        headings = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        plain = [re.sub(r"[^\w\- ]", "", each.lower()) for each in headings]
        return {each.strip().replace(" ", "-") for each in plain}

    def links(self) -> Iterator[str]:
        """The targets of its links and pictures, but those on the web."""
        for target in re.findall(r"\]\(([^)\s]+)\)", self.prose):
            if not re.match(r"[a-z]+:", target):
                yield target


def _all() -> Iterator[Page]:
    for name in ("README.md", "CONTRIBUTING.md", "kserve/README.md"):
        yield Page(name)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        yield Page(path.relative_to(ROOT).as_posix())


PAGES = tuple(_all())
README = PAGES[0]
DEPLOY = "\n".join(page.text for page in PAGES if page.name.startswith("docs/deploy/"))
"""All pages on KServe in one text."""


def page(name: str) -> Page:
    """A page by its path in the checkout."""
    (found,) = (each for each in PAGES if each.name == name)
    return found
