"""The check and a real server agree on repositories as people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repository.check.files.completed import Target
from runtime.machine.environment import ServerEnvironment
from tests.agreement.corpus import SHAPES
from tests.agreement.judging import COMMAND, foretold, found, judge, recorded, write

RAW = re.compile(
    r"\bfound found\b|\bexpected expected\b|\.\.(?!/)|\bNone\b|Traceback|\w+(?:Error|Exception)\b"
    r"|\bErrno\b|Dictionary should|should be a valid|inference\.|\bpb2\b"
)
"""What no finding says: words twice, a validator's or an interpreter's own."""


def test_the_corpus_is_recorded() -> None:
    assert len(SHAPES) >= 80
    assert recorded().keys() == SHAPES.keys(), f"run {COMMAND}, and review what changed"


@pytest.mark.sampled(150)
@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_the_check_foretells_what_the_server_did(
    tmp_path: Path, shape: str, target: Target
) -> None:
    write(shape, tmp_path / "models")
    findings = found(tmp_path / "models", target)
    told = "\n".join(map(str, findings))
    assert foretold(findings) == recorded()[shape][target], told
    assert not RAW.search(told), told
    assert all(each.remedy.endswith(".") and not each.found.endswith(".") for each in findings)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("target", Target)
def test_the_server_does_what_is_recorded(
    tmp_path: Path, server_environment: ServerEnvironment, target: Target
) -> None:
    did = {
        shape: (verdict, said)
        for shape, verdict, said in judge(target, tmp_path, server_environment, sorted(SHAPES))
    }
    expected = recorded()
    wrong = {shape: each for shape, each in did.items() if each[0] != expected[shape][target]}
    assert wrong == {}
