"""The campaign of :mod:`tests.fuzz`, whole, with a seed of the day; it says how to repeat a case.

``FUZZ_SEED`` in the environment takes another seed.
"""

from __future__ import annotations

import os
import time
from random import Random

import numpy as np
import pytest

from runtime.machine.environment import ServerEnvironment
from tests.fuzz import campaign
from tests.fuzz.artefacts.part import ARTEFACTS
from tests.fuzz.known import KNOWN
from tests.fuzz.media import images, media, sounds
from tests.fuzz.parts import PARTS
from tests.fuzz.target import Target, file


def seed() -> int:
    return int(os.environ.get("FUZZ_SEED") or time.time() // 86_400)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_that_is_sent_hurts_the_server(server_environment: ServerEnvironment) -> None:
    parts = [part for part in PARTS if part.place is None]
    report = campaign.run(parts, seed(), target=lambda: Target(server_environment))
    assert report.failures == [], "\n".join(report.lines)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_file_and_no_answer_breaks_a_command() -> None:
    """A few minutes on two processors, and no server."""
    report = campaign.run([ARTEFACTS], seed())
    assert report.failures == [], "\n".join(report.lines)


@pytest.mark.slow
def test_what_was_found_once_is_answered_or_refused(
    server_environment: ServerEnvironment,
) -> None:
    """Each file of the corpus as it is, and tensors that ended in a library's error."""
    with Target(server_environment) as target:
        for kind, model, name in (("images", "ocr", "image"), ("sounds", "asr", "audio")):
            for path, content in media.corpus(kind).items():
                outcome, outputs = target.ask(model, file(name, content))
                assert outcome.kind in ("answered", "refused"), (path, outcome)
                assert outcome.code in ("", "INVALID_ARGUMENT"), (path, outcome)
                assert not media.insane(outputs), path
        for over, code in (("grpc", "INVALID_ARGUMENT"), ("http", "400")):
            for shape in ((0, 0, 3), (0, 5, 3), (5, 0, 3)):
                page = np.array([[1, 0, *shape[:2]]], np.int32)
                pixels = {"pixels": np.zeros(shape, np.uint8), "pages": page}
                outcome, _ = target.ask("prepare_page", pixels, over=over)
                assert outcome.code == code, outcome
                assert outcome.text.endswith(f"found none: shape {list(shape)}")


def test_cases_depend_on_their_number_and_the_seed_alone() -> None:
    for part in PARTS:
        first, again = (part.case(7, 3) for _ in range(2))
        assert (first.what, first.content) == (again.what, again.content)
    assert len({part.name for part in PARTS}) == len(PARTS)


def test_mutations_change_files_and_do_not_fail() -> None:
    for module in (images, sounds):
        changed = 0
        for number in range(300):
            name, data = module.mutated(Random(number), {})
            changed += data != module.seeds()[name]
        assert changed > 250


def test_requests_that_end_triton_are_named_with_their_reason() -> None:
    assert len({known.name for known in KNOWN}) == len(KNOWN)
    for known in KNOWN:
        assert known.reason and known.signal.startswith("SIG")
