"""The OCR pipeline as a typed call."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tritonclient.grpc as grpc

from clients.connection.bounds import PATIENCE
from clients.connection.connection import PipelineClient, output, tensor
from clients.connection.errors import CutOff, RequestError
from clients.ocr.pdf import Pdf


@dataclass(frozen=True)
class Line:
    """One line of text.

    Attributes:
        text: what was read.
        box: its four corners (x, y) in pixels of the image, from the line's top left clockwise.
        score: how sure the text is, 0 to 1; of lines of 0.95 and more, 19 in 20 are right.
        page: the number of the page that it is on; the first is 1.
    """

    text: str
    box: tuple[tuple[float, float], ...]
    score: float
    page: int = 1


@dataclass(frozen=True)
class FilePage:
    """A page of a file that was read.

    Attributes:
        number: the page's; the first is 1.
        chosen: how many pages are read, one after the other.
        lines: in reading order; their boxes are in pixels of the page.
    """

    number: int
    chosen: int
    lines: list[Line]


@dataclass(frozen=True)
class PdfPage(FilePage):
    """A page of a PDF that was read.

    Attributes:
        image: the page as it was sent, a PNG.
    """

    image: bytes


class OcrClient(PipelineClient):
    """Calls the ``ocr`` pipeline over gRPC.

    A request that found no server, or whose connection was cut off before its answer came, is
    asked again: :class:`.Connection` says when, and why that is safe.

    Args:
        url: ``host:port``, also with ``grpc://``, or ``grpcs://`` for TLS; by default that of the
            environment variable ``TRITON_GRPC``, else ``127.0.0.1:8001``.
        model: ``ocr``, or ``ocr_bls``.
        timeout: seconds to wait for an answer, all tries together.
        patience: seconds for which a server that does not listen is asked again; 0 is never.
        waiting: is told, in a sentence, when a request is asked again.

    Raises:
        AddressError: the URL is not one of a gRPC server.
    """

    def __init__(
        self,
        url: str | None = None,
        model: str = "ocr",
        timeout: float = 60.0,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(url, timeout, patience, waiting)
        self._model = model

    def read(
        self,
        image: bytes,
        *,
        minimum_score: float | None = None,
        maximum_side: int | None = None,
        orientation: bool | None = None,
        pages: Sequence[int] | None = None,
    ) -> list[Line]:
        """The lines of a file in reading order, page after page; empty if there is no text.

        Args:
            image: an encoded file: JPEG, PNG, WebP, TIFF, BMP or GIF; :meth:`read_pdf` takes PDF,
                and :meth:`read_pages` a TIFF of more pages than one request may have.
            minimum_score: leave out lines with a lower score; 0.5 where it is not given.
            maximum_side: the longest side, in pixels, at which text is looked for.
            orientation: find out which way up the page is; the server's default is to do so.
            pages: the numbers of the pages to read, from 1; by default all of a TIFF's, and an
                animation's first frame.

        Raises:
            RequestError: the server refused the image, is not there, or did
                not answer in time.
        """
        return lines_of(
            self._ask(image, minimum_score, maximum_side, orientation, pages), self._model
        )

    def read_pages(
        self,
        image: bytes,
        *,
        minimum_score: float | None = None,
        maximum_side: int | None = None,
        orientation: bool | None = None,
        pages: Sequence[int] | None = None,
    ) -> Generator[FilePage]:
        """The pages of a TIFF, each read when it is asked for: one request a page.

        So the server's bounds apply to each page, not to the file. Each request sends the whole
        file.

        Args:
            image: as :meth:`read` takes it; so the next three.
            minimum_score: of each line.
            maximum_side: of each page.
            orientation: of each page.
            pages: the numbers of the pages to read, from 1; by default all.

        Raises:
            RequestError: as :meth:`read` does, also where there is no such page.
        """
        chosen = [1] if pages is None else sorted(set(pages))
        if not chosen:
            raise RequestError("INVALID_ARGUMENT", "only_pages must name a page, found none")
        for place, number in enumerate(chosen):
            try:
                result = self._ask(image, minimum_score, maximum_side, orientation, [number])
            except CutOff:
                raise
            except RequestError as problem:
                if not place:
                    raise
                raise RequestError(problem.code, f"page {number}: {problem}") from problem
            if not place:
                count = int(output(result, "page_count", self._model)[0])
                if pages is None:
                    chosen.extend(range(2, count + 1))
                elif chosen[-1] > count:
                    raise RequestError(
                        "INVALID_ARGUMENT",
                        f"only_pages must name pages from 1 to {count}, which the file has, found "
                        f"{[each for each in chosen if each > count][:4]}",
                    )
            yield FilePage(number, len(chosen), lines_of(result, self._model))

    def _ask(
        self,
        image: bytes,
        minimum_score: float | None,
        maximum_side: int | None,
        orientation: bool | None,
        pages: Sequence[int] | None,
    ) -> grpc.InferResult:
        inputs = [tensor("image", np.frombuffer(image, np.uint8))]
        if minimum_score is not None:
            inputs.append(tensor("minimum_score", np.array([minimum_score], np.float32)))
        if maximum_side is not None:
            inputs.append(tensor("maximum_side", np.array([maximum_side], np.int32)))
        if orientation is not None:
            inputs.append(tensor("orientation", np.array([orientation], np.bool_)))
        if pages is not None:
            inputs.append(tensor("only_pages", np.array(pages, np.int32)))
        return self._connection.infer(self._model, inputs)

    def read_pdf(
        self,
        file: bytes,
        *,
        minimum_score: float | None = None,
        maximum_side: int | None = None,
        orientation: bool | None = None,
        pages: Sequence[int] | None = None,
    ) -> Generator[PdfPage]:
        """The pages of a PDF, each rendered and read when it is asked for: one request a page.

        Args:
            file: the PDF's bytes.
            minimum_score: as :meth:`read` takes it; so the next two.
            maximum_side: of a page's image.
            orientation: of each page.
            pages: the numbers of the pages to read, from 1; by default all.

        Raises:
            PdfError: the PDF or a page cannot be rendered, there is no such page, or
                the extra ``pdf`` is not installed.
            RequestError: as :meth:`read` does.
        """
        with Pdf(file) as pdf:
            chosen = pdf.chosen(pages)
            for number in chosen:
                image = pdf.image(number)
                try:
                    lines = self.read(
                        image,
                        minimum_score=minimum_score,
                        maximum_side=maximum_side,
                        orientation=orientation,
                    )
                except CutOff:
                    raise
                except RequestError as problem:
                    raise RequestError(problem.code, f"page {number}: {problem}") from problem
                own = [replace(line, page=number) for line in lines]
                yield PdfPage(number, len(chosen), own, image)

    def seen(self, image: bytes, *, pages: Sequence[int] | None = None) -> dict[int, np.ndarray]:
        """The pages as the server sees them: upright, opaque, 8 bits a colour.

        Args:
            image: as :meth:`read` takes it.
            pages: as :meth:`read` takes them.

        Returns:
            UINT8 [height, width, 3] by the page's number.

        Raises:
            RequestError: as :meth:`read` does.
        """
        model = "decode_image"
        inputs = [tensor("image", np.frombuffer(image, np.uint8))]
        if pages is not None:
            inputs.append(tensor("only_pages", np.array(pages, np.int32)))
        result = self._connection.infer(model, inputs)
        pixels, rows = (output(result, name, model) for name in ("pixels", "pages"))
        return {
            number: pixels[top : top + height, :width]
            for number, top, height, width in rows.tolist()
        }


def lines_of(result: grpc.InferResult, model: str) -> list[Line]:
    """The lines in a pipeline's answer.

    Args:
        result: the answer.
        model: the pipeline's name.

    Raises:
        RequestError: it is not an answer of OCR.
    """
    names = ("text", "boxes", "scores", "page_numbers")
    columns = [output(result, name, model) for name in names]
    return [
        Line(
            text.decode("utf-8"),
            tuple((float(x), float(y)) for x, y in box),
            float(score),
            int(page),
        )
        for text, box, score, page in zip(*columns, strict=True)
    ]
