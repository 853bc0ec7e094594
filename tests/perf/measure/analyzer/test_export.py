"""Reading perf_analyzer's export, whatever its inputs hold and however it was cut."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.errors import LegFailed
from perf.measure.analyzer import export
from perf.measure.analyzer.export import Timestamps

NANOSECONDS = st.integers(0, 2**63)
NAMES = st.sampled_from(
    ["x", "timestamp", "response_timestamps", "requests", '"', "\\", 'a\\"timestamp":1', "é", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    sent = draw(NANOSECONDS)
    answers = draw(st.lists(st.integers(0, 10**12), min_size=1, max_size=3))
    parts = {
        "timestamp": sent,
        "request_inputs": draw(st.dictionaries(NAMES, VALUES, max_size=3)),
        "response_timestamps": [sent + each for each in answers],
        "response_outputs": draw(st.lists(VALUES, max_size=2)),
    }
    order = draw(st.permutations(list(parts)))
    return {name: parts[name] for name in order}


@st.composite
def exports(draw: st.DrawFn) -> dict[str, Any]:
    parts = {
        "experiment": {"mode": "concurrency", "value": 1},
        "requests": draw(st.lists(requests(), max_size=4)),
        "window_boundaries": [1, 2],
    }
    return {"experiments": [parts], "version": draw(VALUES), "endpoint": ""}


def written(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> Path:
    path = tmp_path_factory.getbasetemp() / "export.json"
    path.write_bytes(text)
    return path


@settings(max_examples=50)
@given(exports(), st.booleans(), st.sampled_from([None, 1]))
def test_times_are_read_past_any_inputs(
    tmp_path_factory: pytest.TempPathFactory,
    document: dict[str, Any],
    escaped: bool,
    indent: int | None,
) -> None:
    text = json.dumps(document, ensure_ascii=escaped, indent=indent).encode(errors="replace")
    expected = [
        Timestamps(
            each["timestamp"], min(each["response_timestamps"]), max(each["response_timestamps"])
        )
        for each in document["experiments"][0]["requests"]
    ]
    found = export.read(written(tmp_path_factory, text))
    assert found == sorted(expected, key=lambda each: each.sent)


@settings(max_examples=30)
@given(exports(), st.data())
def test_an_export_that_was_cut_is_refused(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(document).encode()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(LegFailed, match=r"export is (garbled|empty)"):
        export.read(written(tmp_path_factory, cut))


@settings(max_examples=30)
@given(exports(), st.data())
def test_an_export_with_other_bytes_in_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], data: st.DataObject
) -> None:
    text = bytearray(json.dumps(document).encode())
    for _ in range(3):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        if not text:
            break
    try:
        found = export.read(written(tmp_path_factory, bytes(text)))
    except LegFailed:
        return
    assert all(0 <= each.sent <= each.answered for each in found)


REQUEST = '{"timestamp":5,"response_timestamps":[6]}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no JSON at all", "no { at byte 0"),
        ("{}", "0 experiments"),
        ('{"experiments":[]}', "0 experiments"),
        ('{"experiments":[{"requests":[]},{"requests":[]}]}', "2 experiments"),
        ('{"experiments":{}}', r"no \[ at byte 15"),
        ('{"experiments":[{"requests":[{"timestamp":5}]}]}', "has no times"),
        ('{"experiments":[{"requests":[{"response_timestamps":[5]}]}]}', "has no times"),
        (f'{{"experiments":[{{"requests":[{REQUEST.replace("6", "4")}]}}]}}', "before it was sent"),
        (f'{{"experiments":[{{"requests":[{REQUEST.replace("5", "-5")}]}}]}}', "no number"),
        (f'{{"experiments":[{{"requests":[{REQUEST.replace("5", "1e99")}]}}]}}', "no number"),
        (f'{{"experiments":[{{"requests":[{REQUEST.replace("5", "9" * 5000)}]}}]}}', "no number"),
        ('{"experiments":[{"requests":[]}]} {}', "more than one document"),
        ('{"a":' + "[" * 100_000, "ends too early"),
        ("\0" * 100, "no { at byte 0"),
    ],
)
def test_an_export_that_is_none_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    with pytest.raises(LegFailed, match=f"export is garbled .*{reason}"):
        export.read(path)


def test_an_export_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LegFailed, match=r"wrote no export \(export\.json\)"):
        export.read(tmp_path / "export.json")


def test_memory_stays_small_however_large_the_inputs(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    image = ",".join(["255"] * 1_000_000)
    request = f'{{"timestamp":5,"request_inputs":{{"x":[{image}]}},"response_timestamps":[6]}}'
    path.write_text(f'{{"experiments":[{{"requests":[{",".join([request] * 5)}]}}]}}')
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    try:
        assert export.read(path) == [Timestamps(5, 6, 6)] * 5
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
