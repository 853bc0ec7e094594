"""The page: well-formed, alone, true to its result, and safe with whatever a failure may say."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf.judge.selection import order
from perf.judge.verdict import verdict
from perf.judge.words import clean, number, short
from perf.report.canvas import Drawing
from perf.report.figures.latency import latency, variants
from perf.report.figures.profile import profile, start
from perf.report.figures.throughput import throughput
from perf.report.figures.time import time
from perf.report.page import page
from perf.report.tables import PERCENTS
from perf.result import Result
from tests.perf.fixtures import Make

MAKERS = (latency, throughput, time, variants, profile, start)
EMPTY = {
    name: Drawing(name, name, "", "Nothing.", ())
    for name in ("latency", "throughput", "time", "variants", "profile", "start")
}
HOSTILE = (
    "</td></table><script src='http://evil.example/x'>alert()</script> & \x00\x1b[31m ]]> \ufffe"
)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(result: Result) -> str:
    return page(result, {drawing.name: drawing for drawing in (make(result) for make in MAKERS)})


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def cells(root: ElementTree.Element, section: str) -> list[list[str]]:
    rows = root.findall(f".//section[@id='{section}']//tbody/tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


@pytest.fixture(scope="module")
def broken(make: Make) -> Result:
    return make(
        changes={
            ("bls", 2, "perf_analyzer"): {"failure": "perf_analyzer ended with code 99."},
            ("services", 4, "loader"): {"factor": 1000, "rounds": ()},
        },
        spread_limit=0.5,
    )


@pytest.fixture(scope="module")
def text(broken: Result) -> str:
    return drawn(broken)


@pytest.fixture(scope="module")
def root(text: str) -> ElementTree.Element:
    return parsed(text)


def test_it_stands_alone_and_is_small(text: str, root: ElementTree.Element) -> None:
    assert len(text.encode()) < 600_000
    outside = {"src", "srcset", "data", "action", "poster"}
    for element in root.iter():
        assert element.tag.split("}")[-1] not in {"script", "link", "iframe", "img", "object"}
        assert not outside & element.attrib.keys()
        for name, value in element.attrib.items():
            assert not name.endswith("href") or value.startswith("#")
    assert "@import" not in text
    assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", text))
    plain = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert "://" not in plain


def test_every_id_is_unique_and_every_reference_leads_somewhere(
    text: str, root: ElementTree.Element
) -> None:
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) <= set(ids)


def test_an_html_parser_sees_the_same_elements(text: str, root: ElementTree.Element) -> None:
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append(tag)

    Reader().feed(text)
    assert seen == [element.tag.split("}")[-1].lower() for element in root.iter()]


def test_figures_bear_only_colours_that_the_theme_sets(text: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 13
    assert not [found for svg in drawings for found in re.findall(r"#[0-9a-f]{6}\b", svg)]
    for variable in set(re.findall(r"var\((--[\w-]+)\)", text)):
        assert len(re.findall(rf"{variable}:#", text)) >= 1, variable


def test_the_verdict_comes_first(broken: Result, root: ElementTree.Element) -> None:
    first = root.find(".//p")
    assert first is not None
    assert "".join(first.itertext()).lower() == verdict(broken).lower()


def test_the_table_of_legs_is_the_result(broken: Result, root: ElementTree.Element) -> None:
    legs = sorted(broken.legs, key=lambda leg: order(leg.leg))
    rows = [row for row in cells(root, "legs") if len(row) > 1]
    assert len(rows) == len(legs)
    for leg, row in zip(legs, rows, strict=True):
        doubt = broken.doubt(leg)
        if doubt is not None:
            assert row[4:] == [f"no figure: {doubt}", str(leg.errors)]
            continue
        figures = [number(leg.percentile(percent)) for percent in PERCENTS]
        assert row[4:] == [*figures, f"±{leg.spread:.1%}", number(leg.throughput), str(leg.errors)]
    assert sum("no figure" in "".join(row) for row in rows) == 2


def test_a_leg_in_doubt_shows_no_number_anywhere(make: Make) -> None:
    """Its latencies, of which no other leg has the like, are in no table, label or drawing."""
    unsteady = {("services", 1, "loader"): {"factor": 7919.0}}
    quick: dict[str, Any] = {"sweep": (1,), "rounds": 2, "extras": False, "loaders": ("loader",)}
    result = make({"ensemble": 60, "services": 80}, changes=unsteady, **quick)
    index = next(
        n
        for n, leg in enumerate(result.legs)
        if (leg.leg.mode, leg.leg.load.value) == ("services", 1) and leg.leg.protocol == "grpc"
    )
    legs = list(result.legs)
    shown = number(legs[index].percentile(50))
    assert shown in drawn(result)
    legs[index] = legs[index].model_copy(update={"failure": "The gateway ended."})
    text = drawn(result.model_copy(update={"legs": tuple(legs)}))
    assert shown not in text
    assert max(map(float, re.findall(r">(\d+)\.?\d*<", text))) < 10_000


def test_the_reader_is_told_who_drove_what_and_that_perf_analyzer_was_missing(
    make: Make, root: ElementTree.Element
) -> None:
    notes = ["".join(note.itertext()) for note in root.findall(".//p[@class='note ']")]
    assert "perf_analyzer drove 24 legs (ensemble 7, fused 5, BLS 5, services 7)" in notes[0]
    assert "the kit's loader drove 32 legs" in notes[0]
    missing = "No perf_analyzer runs here: no wheel for this machine."
    alone = make(rounds=2, loaders=("loader",), unfinished="The disk is full.", extras=False)
    failed = alone.legs[0].model_copy(
        update={
            "leg": alone.legs[0].leg.model_copy(update={"loader": "perf_analyzer"}),
            "rounds": (),
            "failure": missing,
        }
    )
    alone = alone.model_copy(update={"legs": (*alone.legs, failed)})
    warnings = re.findall(r'<p class="note warn">(.*?)</p>', page(alone, EMPTY))
    assert warnings[0] == "The run ended early: The disk is full."
    assert warnings[1].startswith("perf_analyzer drove no leg of this run;")
    assert warnings[1].endswith(missing)


def test_hostile_text_is_text(make: Make) -> None:
    """In every field that holds words: in tables, notes, drawings, and the scenario."""
    result = make({"ensemble": 60}, rounds=2, sweep=(1,), loaders=("loader",), extras=False)
    leg = result.legs[0]
    rounds = [
        each.model_copy(
            update={
                "first_error": HOSTILE,
                "errors": 3,
                "steps": tuple(s.model_copy(update={"model": HOSTILE}) for s in each.steps[:1]),
                "processes": tuple(
                    use.model_copy(update={"part": f"$x^2$ {HOSTILE}"})
                    for use in each.processes[:1]
                ),
            }
        )
        for each in leg.rounds
    ]
    other = leg.leg.model_copy(update={"mode": "bls"})
    hostile = result.model_copy(
        update={
            "pipeline": HOSTILE,
            "started": HOSTILE,
            "unfinished": HOSTILE,
            "software": {HOSTILE: HOSTILE},
            "scenario": {HOSTILE: [HOSTILE, {"k": HOSTILE}]},
            "legs": (
                leg.model_copy(update={"rounds": tuple(rounds)}),
                leg.model_copy(update={"leg": other, "failure": HOSTILE}),
            ),
        }
    )
    text = drawn(hostile)
    root = parsed(text)
    assert "<script" not in text and "\x00" not in text and "\x1b" not in text
    said = ["".join(element.itertext()) for element in root.iter()]
    assert f"The run ended early: {clean(HOSTILE)}" in said
    assert f"no figure: {clean(HOSTILE)}" in said
    assert f"ensemble, concurrency 1: {clean(HOSTILE)}" in said
    labels = ["".join(label.itertext()) for label in root.iter(f"{SVG}text")]
    assert short(HOSTILE, 22) in labels
    assert short(f"$x^2$ {HOSTILE}", 22) in labels


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=st.text(max_size=60), scale=st.sampled_from([1e-9, 1e-3, 1.0, 1e6, 1e300]))
def test_any_words_and_any_size_give_a_well_formed_page(
    make: Make, said: str, scale: float
) -> None:
    result = make({"ensemble": 60, "services": 80}, rounds=2, sweep=(1,), extras=False)
    legs = [
        leg.model_copy(
            update={
                "rounds": tuple(
                    each.model_copy(
                        update={
                            "latencies_ms": tuple(x * scale for x in each.latencies_ms),
                            "first_error": said,
                            "errors": 1,
                        }
                    )
                    for each in leg.rounds
                )
            }
        )
        for leg in result.legs
    ]
    legs[-1] = legs[-1].model_copy(update={"failure": said or "It failed."})
    result = result.model_copy(
        update={
            "legs": tuple(legs),
            "scenario": {said: (said, Path("pages"))},
            "software": {"x": said},
            "repository": said,
        }
    )
    root = parsed(page(result, EMPTY))
    assert f"no figure: {clean(said or 'It failed.')}".rstrip() in [
        "".join(element.itertext()).rstrip() for element in root.iter("td")
    ]


def test_nothing_measured_is_a_page_that_says_so(make: Make) -> None:
    root = parsed(drawn(make({}, extras=False)))
    said = "".join(root.itertext())
    assert "No verdict: the ensemble was not measured." in said
    assert root.find(".//svg") is None


def test_a_single_model_is_never_called_an_ensemble(make: Make) -> None:
    root = parsed(drawn(make({"ensemble": 60, "in-process": 57}, single=True)))
    body = root.find("body")
    assert body is not None
    said = "".join(body.itertext())
    assert "is the model worth it?" in said and "ensemble" not in said
