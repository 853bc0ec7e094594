"""What is looked at before anything is timed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from perf.compare.legs.target import Effort, Target
from perf.compare.preflight import agree, config_from, config_in, difference
from perf.errors import PerfError, ScenarioError
from perf.measure.loader import Sample
from perf.result import Leg
from tests.conftest import Serve


@dataclass
class Fake(Target):
    """Answers with given outputs, or raises."""

    answers: list[Mapping[str, np.ndarray] | PerfError] = field(default_factory=list)

    def outputs(self, i: int) -> Mapping[str, np.ndarray]:
        answer = self.answers[i]
        if isinstance(answer, PerfError):
            raise answer
        return answer

    def sample(self, leg: Leg, effort: Effort) -> Sample:
        raise AssertionError("nothing is timed here")


def fake(*answers: float | PerfError) -> Fake:
    return Fake(
        [],
        answers=[
            each if isinstance(each, PerfError) else {"y": np.array([each], np.float32)}
            for each in answers
        ],
    )


def refused(text: str) -> PerfError:
    problem = PerfError(text)
    problem.__cause__ = ValueError(text)
    return problem


def test_modes_that_answer_alike_have_no_failure() -> None:
    targets = {"ensemble": fake(1, 2), "chained": fake(1.00005, 2), "in-process": fake(1, 2)}
    assert agree(targets, ["request 1", "request 2"]) == {}  # type: ignore[arg-type]


def test_a_mode_that_answers_otherwise_or_not_at_all_fails_and_the_others_stay() -> None:
    targets = {
        "services": fake(3, 2),
        "ensemble": fake(1, 2),
        "chained": fake(1, PerfError("no server answers")),
        "in-process": fake(1, 2),
    }
    failures = agree(targets, ["request 1 (a.png)", "request 2"])  # type: ignore[arg-type]
    assert failures == {
        "services": "its output is not that of ensemble for request 1 (a.png): "
        "1 values of 'y' differ",
        "chained": "it does not answer request 2: no server answers",
    }


def test_a_request_that_all_modes_refuse_is_the_users_mistake() -> None:
    targets = {
        "ensemble": fake(1, refused("no image"), refused("no page")),
        "chained": fake(1, refused("no image"), refused("no page")),
    }
    with pytest.raises(ScenarioError) as problem:
        agree(targets, ["request 1", "request 2 (b.txt)", "request 3 (c.txt)"])  # type: ignore[arg-type]
    assert str(problem.value).splitlines() == [
        "The pipeline refuses request 2 (b.txt): no image.",
        "The pipeline refuses request 3 (c.txt): no page.",
    ]


def test_servers_that_all_fail_are_not_the_users_mistake() -> None:
    targets = {"ensemble": fake(PerfError("ended")), "chained": fake(PerfError("ended"))}
    assert set(agree(targets, ["request 1"])) == {"ensemble", "chained"}  # type: ignore[arg-type]


Y = np.array([1.0, np.nan], np.float32)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"y": Y.copy()}, None),
        ({"y": Y * np.float32(1.00005)}, None),
        ({"y": Y * np.float32(1.01)}, "1 values of 'y' differ"),
        ({"y": Y[:1]}, r"'y' has the shape \[1\], not \[2\]"),
        ({"y": np.array([1, 2])}, "'y' is of int64, not float32"),
        ({"z": Y}, "expected y, found z"),
        ({}, "expected y, found none"),
    ],
)
def test_outputs_are_compared_with_a_tolerance(
    other: Mapping[str, np.ndarray], said: str | None
) -> None:
    found = difference({"y": Y}, other)
    assert (found is None) if said is None else re.fullmatch(said, found or "")


def test_words_are_compared_exactly() -> None:
    one = {"words": np.array([b"a", b"b"], np.object_)}
    assert difference(one, {"words": np.array([b"a", b"b"], np.object_)}) is None
    assert difference(one, {"words": np.array([b"a", b"c"], np.object_)}) == (
        "1 values of 'words' differ"
    )


def test_a_pipeline_is_found_or_the_nearest_is_named(tiny: Path) -> None:
    assert config_in(tiny, "tiny").name == "tiny"
    with pytest.raises(ScenarioError, match=r"no pipeline 'tinny'.*Did you mean 'tiny'\?"):
        config_in(tiny, "tinny")
    with pytest.raises(ScenarioError, match=r"no pipeline '\.\./tiny'"):
        config_in(tiny, "../tiny")
    assert config_in(tiny, "double").name == "double"
    with pytest.raises(
        ScenarioError, match=r"no model repository at /nowhere.*python -m builders build"
    ):
        config_in(Path("/nowhere"), "tiny")


def test_a_config_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "config.pbtxt").write_text("name: 'torn")
    with pytest.raises(ScenarioError, match="The config of 'torn' cannot be read"):
        config_in(tmp_path, "torn")


def test_a_pipeline_of_a_server_that_keeps_its_index_to_itself(tiny: Path, serve: Serve) -> None:
    server = serve(tiny, load=("tiny",))
    assert config_from(server.grpc, "tiny").name == "tiny"
    with pytest.raises(ScenarioError, match=r"no model 'tinny' that is ready.*mean 'tiny'\?"):
        config_from(server.grpc, "tinny")


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(PerfError, match=r"No server answers over gRPC at 127\.0\.0\.1:1"):
        config_from("127.0.0.1:1", "tiny")
