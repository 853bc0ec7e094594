"""PDF files: their pages as images, and how the client asks for them."""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdfium2.internal import ObjectTracker
from typer.testing import CliRunner

import clients.ocr.pdf
from clients.cli.app import app
from clients.connection.errors import CutOff, RequestError
from clients.ocr.client import OcrClient
from clients.ocr.pdf import INSTALL, MOST_PIXELS, RESOLUTION, Pdf, PdfError, is_pdf, scale_of
from tests.clients.standin import Served
from tests.ports import kept_port

Encode = Callable[..., bytes]

FORM = b"/AcroForm << /Fields [6 0 R] >>"
FIELD = (
    b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (filled) /F 4 /Rect [20 10 120 30] "
    b"/AP << /N 7 0 R >> >>",
    b"<< /Type /XObject /Subtype /Form /BBox [0 0 100 20] /Resources << /Font << /F1 5 0 R >> >> "
    b"/Length 37 >>\nstream\nBT /F1 14 Tf 2 5 Td (filled in) Tj ET\nendstream",
)


def pdf(
    *texts: bytes,
    box: bytes = b"0 0 200 60",
    catalog: bytes = b"",
    trailer: bytes = b"",
    more: tuple[bytes, ...] = (),
) -> bytes:
    """A PDF with a page for each text, its objects written out one by one."""
    fields = b"/Annots [6 0 R] " if more else b""
    first = 6 + len(more)
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(len(texts)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(texts)),
        b"<< >>",
        b"<< >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    ]
    for number, text in enumerate(texts):
        drawn = b"BT /F1 18 Tf 20 36 Td (%s) Tj ET" % text
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents %d 0 R %s"
            b"/Resources << /Font << /F1 5 0 R >> >> >>" % (box, first + 2 * number + 1, fields),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        ]
    made, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        made
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
        + b"trailer\n<< /Size %d /Root 1 0 R %s>>\n" % (len(objects) + 1, trailer)
        + b"startxref\n%d\n%%%%EOF\n" % len(made)
    )


def encrypted(kind: bytes) -> bytes:
    keys = b"/V 1 /R 2 /P -4 /O <%s> /U <%s>" % (b"00" * 32, b"11" * 32)
    return pdf(b"secret", trailer=b"/ID [(0) (0)] /Encrypt << /Filter /%s %s >> " % (kind, keys))


def pixels(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image)))


def page_of(file: bytes, number: int = 1) -> np.ndarray:
    with Pdf(file) as opened:
        return pixels(opened.image(number))


def held() -> int:
    """How many objects of PDFium are not closed."""
    return sum(map(len, ObjectTracker.values()))


@pytest.fixture(scope="module")
def standin() -> Iterator[tuple[Served, str]]:
    with kept_port() as port:
        server = Served(port)
        yield server, f"127.0.0.1:{port}"
        server.stop()


@pytest.fixture
def asked(standin: tuple[Served, str]) -> Iterator[tuple[Served, OcrClient]]:
    server, address = standin
    server.servicer.asked.clear()
    with OcrClient(address) as client:
        yield server, client
    server.servicer.refuse = None


def test_a_pdf_is_told_by_its_head(encode: Encode) -> None:
    assert is_pdf(b"%PDF-1.7\n") and is_pdf(b"\x1b%-12345X@PJL\r\n%PDF-1.4") and is_pdf(pdf(b"a"))
    image = Image.new("L", (4, 4))
    for form in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"):
        data = encode(image, form)
        assert not is_pdf(data) and not is_pdf(data + b"%PDF-1.7")
    assert not is_pdf(b"") and not is_pdf(bytes(1024) + b"%PDF-1.7")


def test_a_page_has_200_dots_an_inch_on_white() -> None:
    page = page_of(pdf(b"Hello", box=b"0 0 72 36"))
    assert page.shape == (RESOLUTION // 2, RESOLUTION, 3) and page.dtype == np.uint8
    assert page[0, 0].tolist() == [255] * 3 and page.min() < 128
    red, _, blue = page_of(pdf(b") Tj 1 0 0 rg (Red")).transpose(2, 0, 1).astype(int)
    assert (red - blue).max() > 128 and (red - blue).min() >= 0


def test_what_a_form_is_filled_in_with_is_drawn() -> None:
    empty = page_of(pdf(b" "))
    assert empty.min() == 255
    filled = page_of(pdf(b" ", catalog=FORM, more=FIELD))
    assert filled.min() < 128


sides = st.floats(2**-10, 2**40, width=32)


@given(sides, sides)
def test_a_pages_image_is_within_the_servers_bound(width: float, height: float) -> None:
    inches = width * height / 72**2
    try:
        scale = scale_of(1, width, height)
    except PdfError as problem:
        assert 20**2 * inches > MOST_PIXELS - width - height
        assert re.match(r"page 1 of the PDF is too large, \d+ x \d+ points", str(problem))
        return
    assert 0 < scale <= RESOLUTION / 72
    assert math.ceil(width * scale) * math.ceil(height * scale) <= MOST_PIXELS


def test_a_large_page_is_coarser_and_takes_the_bound() -> None:
    assert scale_of(1, 612, 792) == RESOLUTION / 72
    poster = scale_of(1, 2384, 3370)
    assert 0.999 * MOST_PIXELS < 2384 * poster * 3370 * poster <= MOST_PIXELS
    largest = scale_of(1, 14_400, 14_400)
    assert 20 < 72 * largest < 23


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"%PDF-1.7", "the PDF is truncated or corrupt; send the whole file"),
        (pdf(b"a")[:200], "the PDF is truncated or corrupt; send the whole file"),
        (pdf(), "the PDF has no pages; send one with pages"),
        (encrypted(b"Standard"), "the PDF asks for a password; save it without one and send that"),
        (encrypted(b"Other"), "the PDF is encrypted in an unknown way; save it unencrypted"),
        (
            pdf(b"a").replace(b"/Count 1", b"/Count 2"),
            "page 2 of the PDF is corrupt; leave it out, or send the whole file",
        ),
        (
            pdf(b"a", box=b"0 0 100000 100000"),
            "page 1 of the PDF is too large, 100000 x 100000 points, so that 20000000 pixels "
            "would not show its text; cut it into smaller pages",
        ),
    ],
    ids=["head", "truncated", "no pages", "password", "unknown cipher", "lost page", "huge"],
)
def test_what_cannot_be_rendered_is_told_in_a_sentence(
    file: bytes, said: str, tmp_path: Path, standin: tuple[Served, str]
) -> None:
    before = held()
    place = tmp_path / "file.pdf"
    place.write_bytes(file)
    result = CliRunner().invoke(app, ["ocr", str(place), "--url", standin[1]])
    assert (result.exit_code, result.stderr) == (1, f"error: {said}\n")
    # The page before a lost one is printed.
    assert result.stdout.count("read") == said.startswith("page 2")
    assert held() == before


def test_pages_are_asked_for_one_by_one_and_only_those_that_are_wanted(
    asked: tuple[Served, OcrClient],
) -> None:
    server, client = asked
    # The fourth cannot be rendered, and is not.
    file = pdf(b"one", b"two", b"three").replace(b"/Count 3", b"/Count 4")
    sheets = client.read_pdf(file, pages=[3, 1, 3], minimum_score=0.25)
    requests = server.servicer.asked
    assert requests == []
    for number, sheet in zip((1, 3), sheets, strict=True):
        assert (sheet.number, sheet.chosen) == (number, 2)
        assert [(line.text, line.page) for line in sheet.lines] == [("read", number)]
        assert [each.name for each in requests[-1].inputs] == ["image", "minimum_score"]
        assert requests[-1].raw_input_contents[0] == sheet.image
        np.testing.assert_array_equal(pixels(sheet.image), page_of(file, number))
        assert len(requests) == (1 if number == 1 else 2)


@pytest.mark.parametrize("pages", [[], [0], [2, 3], [-1]], ids=str)
def test_pages_that_are_not_there_are_refused_before_any_is_rendered(
    pages: list[int], asked: tuple[Served, OcrClient]
) -> None:
    with pytest.raises(PdfError, match="pages must be from 1 to 2, which the PDF has, found"):
        next(asked[1].read_pdf(pdf(b"one", b"two"), pages=pages))
    with Pdf(pdf(b"one", b"two")) as opened, pytest.raises(PdfError, match=r"found \[3\]"):
        opened.image(3)


def test_a_refused_page_is_named_and_a_missing_server_is_not_the_pages_fault(
    asked: tuple[Served, OcrClient],
) -> None:
    server, client = asked
    sheets = client.read_pdf(pdf(b"one", b"two"))
    next(sheets)
    server.servicer.refuse = grpc.StatusCode.INVALID_ARGUMENT, "the image is odd"
    with pytest.raises(RequestError, match=r"^page 2: the image is odd$") as refused:
        next(sheets)
    assert refused.value.code == "INVALID_ARGUMENT"
    with OcrClient("127.0.0.1:1", patience=0) as nobody, pytest.raises(CutOff) as cut:
        next(nobody.read_pdf(pdf(b"one")))
    assert str(cut.value).startswith("no server answers")


def test_nothing_of_pdfium_stays_open(asked: tuple[Served, OcrClient]) -> None:
    before = held()
    sheets = asked[1].read_pdf(pdf(b"one", b"two", catalog=FORM, more=FIELD))
    next(sheets)
    assert held() == before + 1, "the document alone: its page is closed"
    sheets.close()
    assert held() == before


def test_without_the_extra_a_sentence_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    place = tmp_path / "file.pdf"
    place.write_bytes(pdf(b"a"))
    result = CliRunner().invoke(app, ["ocr", str(place)])
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: reading a PDF needs pypdfium2, which cannot be imported; install it: {INSTALL}\n"
    )


WHOLE = pdf(b"first", b"second", catalog=FORM, more=FIELD)
TOKENS = [found.span() for found in re.finditer(rb"/?[A-Za-z]+|-?\d+|<<|>>|[\[\]()]", WHOLE)]
OTHERS = (
    *(b"", b"0", b"-1", b"9", b"1e38", b"65536", b"4294967295", b"99999999999999999999", b"2 0 R"),
    *(b"/Kids", b"/Count", b"/Parent", b"/FlateDecode", b"<<", b">>", b"[", b"]", b"(", b"nan"),
)
tokens = st.lists(st.tuples(st.sampled_from(TOKENS), st.sampled_from(OTHERS)), max_size=4)
flips = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4)


@settings(max_examples=150)
@given(tokens, flips, st.integers(0, 2**16))
def test_a_mutated_pdf_gives_lines_or_one_sentence(
    standin: tuple[Served, str],
    tokens: list[tuple[tuple[int, int], bytes]],
    flips: list[tuple[int, int]],
    cut: int,
) -> None:
    file = WHOLE
    for (start, end), other in sorted(tokens, reverse=True):
        file = file[:start] + other + file[end:]
    changed = bytearray(file)
    for place, value in flips:
        changed[place % len(changed)] = value
    file = bytes(changed) if cut > len(changed) or cut < 9 else bytes(changed[:cut])
    server, address = standin
    server.servicer.asked.clear()
    before = held()
    with pytest.MonkeyPatch.context() as patched, OcrClient(address) as client:
        patched.setattr(clients.ocr.pdf, "MOST_PIXELS", 500_000)
        try:
            for number, sheet in enumerate(client.read_pdf(file), 1):
                assert sheet.number == number and sheet.lines[0].text == "read"
                height, width, _ = pixels(sheet.image).shape
                assert height * width <= 500_000
        except PdfError as problem:
            assert re.fullmatch(r"(the PDF|page \d+ of the PDF)\b[^\n]{10,150}", str(problem))
    assert held() == before
