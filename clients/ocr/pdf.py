"""The pages of a PDF as images, rendered by PDFium.

PDFium comes with the package pypdfium2 (BSD-3-Clause, Apache-2.0), in this project's extra ``pdf``.
"""

from __future__ import annotations

import io
import logging
import math
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from clients.errors import ClientError
from repository.pip_commands import install_command

RESOLUTION = 200
"""Dots an inch at which a page is rendered: type of 8 points is then 22 pixels high."""

MOST_PIXELS = 20_000_000
"""Of a page's image: what the server takes by default. Larger pages are rendered more coarsely."""

LEAST_RESOLUTION = 20
"""A page that would be coarser is refused. ISO 32000's largest, 200 inches square, has 22."""

INSTALL = install_command("pdf")

_POINTS = 72
_HEAD = 1024
_IMAGES = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"II", b"MM", b"BM", b"GIF8")
_TURNS = threading.Lock()
"""PDFium does one thing at a time."""


class PdfError(ClientError):
    """A PDF that cannot be rendered; the text is one sentence."""


def is_pdf(file: bytes) -> bool:
    """Whether it is a PDF: its head is in the first 1024 bytes, as readers of PDF allow."""
    return b"%PDF-" in file[:_HEAD] and not file.startswith(_IMAGES)


class Pdf:
    """An open PDF. Close it, or use it in a ``with`` block.

    Args:
        file: the PDF's bytes.

    Attributes:
        count: how many pages it has, at least 1.

    Raises:
        PdfError: the PDF is broken, has no pages or asks for a password, or the extra ``pdf`` is
            not installed.
    """

    def __init__(self, file: bytes) -> None:
        try:
            import pypdfium2
            from pypdfium2 import raw
        except ImportError as problem:
            raise PdfError(
                f"reading a PDF needs pypdfium2, which cannot be imported; install it: {INSTALL}"
            ) from problem
        # It warns about what it cannot draw; a handler can show that.
        logging.getLogger("pypdfium2").addHandler(logging.NullHandler())
        self._failure = pypdfium2.PdfiumError
        self._file = file  # which PDFium reads until the document is closed
        with _TURNS:
            handle = raw.FPDF_LoadMemDocument64(file, len(file), None)
            code = raw.FPDF_GetLastError()
            if handle:
                self._document = pypdfium2.PdfDocument(handle)
                self.count = len(self._document)
        if not handle:
            if code == raw.FPDF_ERR_PASSWORD:
                raise PdfError("the PDF asks for a password; save it without one and send that")
            if code == raw.FPDF_ERR_SECURITY:
                raise PdfError("the PDF is encrypted in an unknown way; save it unencrypted")
            raise PdfError("the PDF is truncated or corrupt; send the whole file")
        if self.count < 1:
            self.close()
            raise PdfError("the PDF has no pages; send one with pages")
        try:
            with _TURNS:
                # Without this, what a form is filled in with is not drawn.
                self._document.init_forms()
        except self._failure as problem:
            self.close()
            raise PdfError("the PDF's form is corrupt; print the PDF to a new one") from problem

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees what PDFium holds; a second time does nothing."""
        with _TURNS:
            self._document.close()

    def chosen(self, pages: Sequence[int] | None = None) -> list[int]:
        """The numbers of the pages that are wanted, in their order, each once.

        Args:
            pages: their numbers, from 1; by default all.

        Raises:
            PdfError: the PDF has no such page, or none is named.
        """
        if pages is None:
            return list(range(1, self.count + 1))
        wanted = sorted(set(pages))
        wrong = [number for number in wanted if not 1 <= number <= self.count]
        if wrong or not wanted:
            raise PdfError(
                f"pages must be from 1 to {self.count}, which the PDF has, "
                f"found {wrong[:4] if wrong else 'none'}"
            )
        return wanted

    def image(self, number: int) -> bytes:
        """A page as a PNG: RGB on white, upright, annotations and filled forms drawn.

        Args:
            number: the page's, from 1 to :attr:`count`.

        Returns:
            The file: at :data:`RESOLUTION`, or at less if that would be over :data:`MOST_PIXELS`.

        Raises:
            PdfError: the page is broken or too large, or there is none of this number.
        """
        from PIL import Image

        self.chosen([number])
        with _TURNS:
            try:
                page = self._document[number - 1]
            except self._failure as problem:
                raise PdfError(
                    f"page {number} of the PDF is corrupt; leave it out, or send the whole file"
                ) from problem
            try:
                bitmap = page.render(scale_of(number, *page.get_size()), rev_byteorder=True)
                try:
                    picture = Image.fromarray(bitmap.to_numpy().copy())
                finally:
                    bitmap.close()
            except self._failure as problem:
                raise PdfError(
                    f"page {number} of the PDF cannot be drawn; leave it out"
                ) from problem
            finally:
                page.close()
        file = io.BytesIO()
        # Pillow's default, level 6, takes longer than rendering and saves little.
        picture.save(file, "PNG", compress_level=1)
        return file.getvalue()


def scale_of(number: int, width: float, height: float) -> float:
    """Pixels a point for a page, so that its image has at most :data:`MOST_PIXELS`.

    Args:
        number: the page's, for the error.
        width: of the page, in points; so the height.

    Raises:
        PdfError: the page would be coarser than :data:`LEAST_RESOLUTION`, or has no size.
    """
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise PdfError(f"page {number} of the PDF has no size: {width:g} x {height:g} points")
    # Both sides are rounded up: (width * scale + 1) * (height * scale + 1) is the bound.
    both, area = width + height, width * height
    fitting = (math.sqrt(both * both + 4 * area * (MOST_PIXELS - 1)) - both) / (2 * area)
    if fitting * _POINTS < LEAST_RESOLUTION:
        raise PdfError(
            f"page {number} of the PDF is too large, {width:.0f} x {height:.0f} points, so that "
            f"{MOST_PIXELS} pixels would not show its text; cut it into smaller pages"
        )
    return min(RESOLUTION / _POINTS, fitting)
