"""A rival's process: what it is asked and answers, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perf.against.rivals.asked import Rival
from perf.against.rivals.commands import run
from perf.against.rivals.round import Round
from perf.errors import LegFailed

WORKER = """
from perf.against.rivals.answering import serve

def prepare(settings):
    print("a library says something")
    def decode(prompts, tokens, told):
        print("and again")
        if settings["dies"]:
            raise RuntimeError("no more")
        for number in range(len(prompts)):
            for have in range(1, tokens - settings["less"] + 1):
                told(number, have)
    return "1.2", decode

serve(prepare)
"""


def rival(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **settings: int) -> Rival:
    (tmp_path / "worker_of_test.py").write_text(WORKER)
    monkeypatch.setattr("perf.against.rivals.asked.ROOT", tmp_path)
    (tmp_path / "perf").symlink_to(Path(__file__).parents[4] / "perf")
    return Rival("X", Path(sys.executable), "worker_of_test", {"dies": 0, "less": 0, **settings})


def test_a_rival_answers_rounds_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with rival(monkeypatch, tmp_path) as asked:
        assert asked.version == "1.2"
        for count in (1, 3):
            found = asked.decode([[1, 2]] * count, 5)
            assert found.tokens == 5 * count and len(found.streams) == count
            assert [tokens for _, tokens in found.streams[-1]] == [1, 2, 3, 4, 5]


def test_missing_tokens_and_a_process_that_ends_are_sentences(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        rival(monkeypatch, tmp_path, less=1) as asked,
        pytest.raises(LegFailed, match="X: expected 5 new tokens of each of 2 prompts"),
    ):
        asked.decode([[1], [2]], 5)
    monkeypatch.undo()
    (tmp_path / "other").mkdir()
    with (
        rival(monkeypatch, tmp_path / "other", dies=1) as asked,
        pytest.raises(LegFailed, match="X: expected an answer of its process, found that it ended"),
    ):
        asked.decode([[1]], 5)


def test_a_rounds_figures() -> None:
    found = Round.of([[[1.0, 1], [2.0, 2], [4.0, 5]], [[0.5, 1], [1.5, 5]]])
    assert (found.tokens, found.seconds, found.rate) == (10, 4.0, 2.5)
    assert found.first == 0.75
    assert found.per_token == (3 / 4 + 1 / 4) / 2
    for nothing in ([], [[[1.0, 1]], []]):
        with pytest.raises(ValueError, match="expected new tokens"):
            Round.of(nothing)


def test_a_command_that_fails_is_told_by_its_last_line() -> None:
    code = "import sys; print('first'); print('no such model', file=sys.stderr); sys.exit(3)"
    with pytest.raises(LegFailed, match="X's converter: expected it to succeed, found: no such"):
        run("X's converter", [sys.executable, "-u", "-c", code])
    run("X's converter", [sys.executable, "-c", "pass"])
