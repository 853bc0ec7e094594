"""What a build says while it runs, and the table at its end."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from builders.kit.build.summary import Row, as_json, gates, summary, table
from builders.kit.tasks.progress import Lines, Outcome, Silent, choose, describe
from repository.manifest import Manifest
from tests.terminals import written

ROOT = Path(__file__).resolve().parents[4]

MANIFEST = Manifest(
    kit={},
    target={},
    profile={},
    families={},
    exports={
        "ocr/detector": {"parity": {"absolute": 6e-6}},
        "ocr/characters.json": {"parity": None},
    },
    models={
        "ocr": {"backend": "ensemble", "exports": [], "bytes": 900},
        "detect": {"backend": "onnxruntime", "exports": ["ocr/detector"], "bytes": 9_900_000},
        "collect": {"backend": "python", "exports": ["ocr/characters.json"], "bytes": 138_600},
    },
    metrics=(
        {"name": "error", "pipeline": "ocr", "better": "lower", "bound": 0.02, "value": 0.0123456},
        {"name": "recall", "pipeline": "ocr", "better": "higher", "bound": 0.5, "value": 1.0},
    ),
    tools={},
    files={},
    digest="",
    times={},
)


def test_each_model_has_a_row() -> None:
    assert summary(MANIFEST, {"detect"}) == (
        Row("collect", "python", 138_600, None, "cached"),
        Row("detect", "onnxruntime", 9_900_000, 6e-6, "built"),
        Row("ocr", "ensemble", 900, None, "cached"),
    )


def test_a_model_in_another_precision_than_the_profile_s_says_so_below_its_parity() -> None:
    facts = {"parity": {"absolute": 0.84}, "facts": {"precision": "int8"}}
    manifest = replace(MANIFEST, exports={**MANIFEST.exports, "ocr/detector": facts})
    (detect,) = (row for row in summary(manifest) if row.model == "detect")
    assert detect.precision == "int8"
    _, first, second = table([detect]).lines(100)
    assert first.split()[4:] == ["8.4e-01", "cached"]
    assert second.split() == ["int8"]


def test_the_table_shows_sizes_and_figures() -> None:
    lines = [line.split() for line in table(summary(MANIFEST)).lines(100)]
    assert lines[2] == ["detect", "onnxruntime", "9.9", "MB", "6.0e-06", "cached"]
    assert lines[3][:4] == ["ocr", "ensemble", "900", "B"]


def test_each_gate_has_a_row() -> None:
    assert [line.split() for line in gates(MANIFEST).lines(80)[1:]] == [
        ["ocr", "error", "0.01235", "at", "most", "0.02"],
        ["ocr", "recall", "1", "at", "least", "0.5"],
    ]


def test_a_script_reads_the_same() -> None:
    found = json.loads(json.dumps(as_json(MANIFEST, {"detect"})))
    assert found["models"][1] == {
        "model": "detect",
        "backend": "onnxruntime",
        "bytes": 9_900_000,
        "parity": 6e-6,
        "precision": "",
        "state": "built",
    }
    error = {"name": "error", "pipeline": "ocr", "value": 0.0123456, "better": "lower"}
    assert found["metrics"][0] == error | {"bound": 0.02}


def test_an_outcome_says_what_when_and_which_files() -> None:
    assert (
        describe(Outcome("export a/b", "built", "new", 1.26, ("b",), "3 nodes"))
        == "export a/b: built in 1.3 s (3 nodes; b)"
    )
    assert describe(Outcome("export a/b", "cached", seconds=9)) == "export a/b: cached"
    assert describe(Outcome("model a", "built", files=("a/1/x",))) == "model a: built (a/1/x)"
    many = tuple(f"a/1/{name}" for name in "uvwxyz")
    assert (
        describe(Outcome("model a", "built", files=many))
        == "model a: built (a/1/u, a/1/v, a/1/w and 3 more files)"
    )


def test_lines_bear_the_time_since_the_start() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.started("export a/b", "new")
    lines.finished(Outcome("export a/b", "failed", "new", 0.5))
    assert [re.sub(r"\d+\.\d", "T", line) for line in stream.getvalue().splitlines()] == [
        "[   T s] export a/b: new",
        "[   T s] export a/b: failed in T s",
    ]


def test_what_shows_fits_where_it_is_shown() -> None:
    assert isinstance(choose(quiet=True), Silent)
    code = (
        "from builders.kit.tasks.progress import Outcome, choose\n"
        "shown = choose()\n"
        "shown.started('export a/b', 'source [red] changed')\n"
        "shown.message('waiting [1]')\n"
        "shown.finished(Outcome('export a/b', 'built', 'new', 1.0))\n"
        "shown.close()\n"
        "print(type(shown).__name__)\n"
    )
    command = [sys.executable, "-c", code]
    plain = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert plain.stdout == "Lines\n"
    assert "source [red] changed" in plain.stderr
    ours, theirs = pty.openpty()
    live = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        check=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = written(ours)
    assert live.stdout == "Live\n"
    assert "waiting [1]" in shown
    assert "source [red] changed" in shown
    assert "built in 1.0 s" in shown
