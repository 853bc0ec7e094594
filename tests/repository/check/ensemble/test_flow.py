# ruff: noqa: E501 -- one line a mistake
"""Each rule on ensembles, broken once in a small pipeline: named, with model and tensor.

:mod:`test_check_ensemble` holds the same rules against a real Triton.
"""

from __future__ import annotations

import itertools

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from repository.check.ensemble.flow import check_flow, running_waves
from repository.check.ensemble.joints import check_joints
from repository.check.ensemble.steps import check_ensemble
from repository.check.model.config import check_model
from repository.check.rules import RULES
from repository.check.serving import check_complete
from repository.config.facts import has_decoupled
from repository.config.proto import pb
from repository.findings import Finding
from repository.release import release

PIPELINE = """
name: "ocr" platform: "ensemble"
input { name: "page" data_type: TYPE_FP32 dims: [-1, 4] }
input { name: "limit" data_type: TYPE_INT64 dims: [1] optional: true }
output { name: "text" data_type: TYPE_STRING dims: [-1] }
output { name: "boxes" data_type: TYPE_FP32 dims: [-1, 4] }
ensemble_scheduling {
  step {
    model_name: "detect" model_version: -1
    input_map { key: "image" value: "page" }
    output_map { key: "boxes" value: "boxes" }
  }
  step {
    model_name: "read" model_version: -1
    input_map { key: "boxes" value: "boxes" }
    input_map { key: "limit" value: "limit" }
    output_map { key: "text" value: "text" }
  }
}
"""

DETECT = """
name: "detect" backend: "python" max_batch_size: 8
input { name: "image" data_type: TYPE_FP32 dims: [4] }
output { name: "boxes" data_type: TYPE_FP32 dims: [4] }
"""

READ = """
name: "read" backend: "python"
input { name: "boxes" data_type: TYPE_FP32 dims: [-1, 4] }
input { name: "limit" data_type: TYPE_INT64 dims: [1] optional: true }
output { name: "text" data_type: TYPE_STRING dims: [-1] }
output { name: "scores" data_type: TYPE_FP32 dims: [-1] }
"""

DETECTS = 'output_map { key: "boxes" value: "boxes" }'
READS = 'input_map { key: "boxes" value: "boxes" }'


def findings(pipeline: str, detect: str = DETECT, read: str = READ) -> list[Finding]:
    configs = {
        config.name: config
        for config in (
            text_format.Parse(text, pb.ModelConfig()) for text in (pipeline, detect, read)
        )
    }
    versions = {name: {1} for name in configs}
    return [
        finding
        for config in configs.values()
        for finding in (
            *check_ensemble(config, configs, versions),
            *(check_model(config, release("26.11"))),
        )
    ]


def test_sound_pipeline_has_no_findings() -> None:
    assert findings(PIPELINE) == []


# A part of the pipeline, what stands there instead -> rule and tensor of every finding.
MISTAKES = [
    (' model_version: -1\n    input_map { key: "image"', '\n    input_map { key: "image"', {("model-version", "")}),
    ('"read" model_version: -1', '"read" model_version: 2', {("model-version", "")}),
    ('"read" model_version: -1', '"raed" model_version: -1', {("unknown-model", "")}),
    ('key: "image"', 'key: "imgae"', {("unknown-input", "page"), ("unmapped-input", "image")}),
    (DETECTS, 'output_map { key: "box" value: "boxes" }', {("unknown-output", "boxes")}),
    (READS, "", {("unmapped-input", "boxes")}),
    ('input_map { key: "limit" value: "limit" }', "", {("unused-input", "limit")}),
    (DETECTS, DETECTS.replace('value: "boxes"', 'value: "other"'), {("unused-output", "other"), ("unwritten-input", "boxes"), ("unwritten-output", "boxes")}),
    ('output_map { key: "text" value: "text" }', 'output_map { key: "text" value: "text" } output_map { key: "scores" value: "boxes" }', {("written-twice", "boxes"), ("cycle", ""), ("ensemble-shape", "boxes")}),
    ('output_map { key: "text" value: "text" }', 'output_map { key: "text" value: "text" } output_map { key: "scores" value: "spare" }', {("unused-output", "spare")}),
    (DETECTS, DETECTS + ' output_map { key: "boxes" value: "page" }', {("written-input", "page"), ("unwritten-output", "boxes"), ("unwritten-input", "boxes"), ("cycle", "")}),
    ('key: "image" value: "page"', 'key: "image" value: "boxes"', {("cycle", ""), ("unused-input", "page")}),
    ('model_name: "read"', 'model_name: "ocr"', {("ensemble-recursion", ""), ("unknown-input", "boxes"), ("unmapped-input", "page")}),
    ('model_name: "read"', 'model_name: ""', {("ensemble-step", "")}),
    ('output_map { key: "text" value: "text" }', "", {("ensemble-step", ""), ("unwritten-output", "text")}),
    ('data_type: TYPE_FP32 dims: [-1, 4] }\ninput', 'data_type: TYPE_FP16 dims: [-1, 4] }\ninput', {("ensemble-dtype", "page")}),
    ("dims: [-1, 4] }\ninput", "dims: [-1, 5] }\ninput", {("ensemble-shape", "page")}),
    ("dims: [-1, 4] }\nensemble", "dims: [4] }\nensemble", {("ensemble-rank", "boxes"), ("ensemble-shape", "boxes")}),
    ('name: "ocr"', 'name: "ocr" max_batch_size: 9', {("batch-size", ""), ("ensemble-shape", "page"), ("ensemble-shape", "boxes"), ("ensemble-rank", "limit"), ("ensemble-batch", "")}),
    ('dims: [-1, 4] }\ninput', 'dims: [-1, 4] optional: true }\ninput', {("optional-input", "page")}),
    ('platform: "ensemble"', 'platform: "ensemble" backend: "python"', {("ensemble-platform", "")}),
    ('platform: "ensemble"', "", {("ensemble-platform", "")}),
    ('platform: "ensemble"', 'platform: "ensemble" optimization { }', {("ensemble-field", "")}),
    ('platform: "ensemble"', 'platform: "ensemble" instance_group { }', {("ensemble-field", "")}),
    ('platform: "ensemble"', 'platform: "ensemble" model_metrics { metric_control { } }', {("metric-control", "")}),
]  # fmt: skip


@pytest.mark.parametrize(("part", "instead", "expected"), MISTAKES)
def test_mistake_is_named_with_its_tensor(
    part: str, instead: str, expected: set[tuple[str, str]]
) -> None:
    assert PIPELINE.count(part) >= 1
    found = findings(PIPELINE.replace(part, instead, 1))
    assert {(finding.rule, finding.tensor) for finding in found} == expected
    assert {finding.where for finding in found} == {"ocr"}


def test_readers_of_a_dynamic_tensor_may_not_contradict_each_other() -> None:
    detect = DETECT.replace("max_batch_size: 8", "").replace("dims: [4]", "dims: [-1, 3]", 1)
    loose = PIPELINE.replace("dims: [-1, 4] }\ninput", "dims: [-1, -1] }\ninput")
    both = loose.replace(
        'input_map { key: "limit" value: "limit" }',
        'input_map { key: "limit" value: "limit" } input_map { key: "page" value: "page" }',
    )
    read = READ + 'input { name: "page" data_type: TYPE_FP32 dims: [-1, 5] }'
    detect = detect.replace('name: "boxes" data_type: TYPE_FP32 dims: [4]', 'name: "boxes" data_type: TYPE_FP32 dims: [-1, 4]')  # fmt: skip
    found = findings(both, detect, read)
    assert [(finding.rule, finding.tensor) for finding in found] == [("ensemble-rank", "page")]


def test_cycle_names_the_way_round() -> None:
    (cycle,) = (
        finding
        for finding in findings(PIPELINE.replace('"limit" value: "limit"', '"limit" value: "text"'))
        if finding.rule == "cycle"
    )
    assert cycle.found == "read -> read"


def test_decoupled_tensors_may_not_meet_others() -> None:
    decoupled = READ + "model_transaction_policy { decoupled: true }"
    (finding,) = findings(PIPELINE, read=decoupled)
    assert finding.rule == "decoupled-fan-in"
    assert finding.found == "read (step 1), the request itself"
    cached = PIPELINE.replace(
        "ensemble_scheduling", "response_cache { enable: true } ensemble_scheduling"
    )
    both = {finding.rule for finding in findings(cached, read=decoupled)}
    assert both == {"decoupled-fan-in", "response-cache"}


def test_reshape_in_a_composing_model_is_named_where_the_ends_disagree() -> None:
    reshaped = READ.replace("dims: [-1, 4] }", "dims: [-1, 2, 2] reshape { shape: [-1, 4] } }")
    found = {(finding.rule, finding.tensor) for finding in findings(PIPELINE, read=reshaped)}
    assert found == {("composing-reshape", "boxes"), ("ensemble-shape", "boxes")}
    agreeing = DETECT.replace(
        "dims: [4] }\noutput", "dims: [4] reshape { shape: [2, 2] } }\noutput"
    )
    assert findings(PIPELINE, detect=agreeing) == []


def test_tensors_left_to_auto_complete_are_warned_about() -> None:
    bare = text_format.Parse('name: "m" backend: "python"', pb.ModelConfig())
    (finding,) = check_complete(bare)
    assert (finding.rule, finding.found) == ("auto-complete", "no input and no output")


def test_rules_have_names_in_kebab_case_and_a_phrase() -> None:
    for name, rule in RULES.items():
        assert name.replace("-", "").isalpha() and name.islower()
        assert rule.about and not rule.about.endswith(".")


def flow(edges: list[tuple[set[str], set[str]]], inputs: set[str]) -> pb.ModelConfig:
    """An ensemble of steps that read and write the tensors named."""
    config = pb.ModelConfig(name="e", platform="ensemble")
    for name in sorted(inputs):
        config.input.add(name=name, data_type=pb.TYPE_FP32, dims=[1])
    for index, (read, written) in enumerate(edges):
        step = config.ensemble_scheduling.step.add(model_name=f"m{index}", model_version=-1)
        step.input_map.update({f"i{name}": name for name in read})
        step.output_map.update({f"o{name}": name for name in written})
    return config


TENSORS = st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3)


@given(st.lists(st.tuples(TENSORS, TENSORS), max_size=8), st.sets(st.sampled_from("abc")))
def test_cycles_are_those_that_walking_finds(
    edges: list[tuple[set[str], set[str]]], inputs: set[str]
) -> None:
    after = [
        {other for other, (read, _) in enumerate(edges) if read & written} for _, written in edges
    ]
    reached = []
    for start in range(len(edges)):
        seen: set[int] = set()
        waiting = list(after[start])
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                waiting += after[here]
        reached.append(seen)
    circular = {start for start in range(len(edges)) if start in reached[start]}
    groups = {
        frozenset(
            other for other in circular if other in reached[start] and start in reached[other]
        )
        for start in circular
    }
    found = [each for each in check_flow(flow(edges, inputs)) if each.rule == "cycle"]
    assert len(found) == len(groups)
    for each in found:
        way = [int(name[1:]) for name in each.found.split(" -> ")]
        assert way[0] == way[-1]
        assert all(later in after[earlier] for earlier, later in itertools.pairwise(way))
        assert any(set(way) <= group for group in groups)


@given(st.lists(st.tuples(TENSORS, TENSORS), max_size=8), st.sets(st.sampled_from("abc")))
def test_what_can_run_is_in_running_order(
    edges: list[tuple[set[str], set[str]]], inputs: set[str]
) -> None:
    there = set(inputs)
    waves = running_waves(flow(edges, inputs))
    for wave in waves:
        assert all(set(step.input_map.values()) <= there for _, step in wave)
        there |= {name for _, step in wave for name in step.output_map.values()}
    ran = {index for wave in waves for index, _ in wave}
    assert sum(map(len, waves)) == len(ran)
    for index, (read, _) in enumerate(edges):
        assert (index in ran) == (read <= there)


def test_an_ensemble_of_thousands_of_steps() -> None:
    """In a chain, in a circle, and all beside each other: each in no time."""
    count = 5000
    chain = [({f"t{index}"}, {f"t{index + 1}"}) for index in range(count)]
    assert [each.rule for each in check_flow(flow(chain, {"t0"}))] == ["unused-output"]
    circle = [*chain[:-1], ({f"t{count - 1}"}, {"t0"})]
    (found,) = [each for each in check_flow(flow(circle, set())) if each.rule == "cycle"]
    assert found.found.count(" -> ") == count
    beside = [({"x"}, {f"t{index}"}) for index in range(count)]
    assert len(running_waves(flow(beside, {"x"}))) == 1
    assert list(check_joints(flow(beside, {"x"}), {})) == []


def test_a_decoupled_model_deep_below() -> None:
    """Each ensemble has the next one twice: as many ways down as a number of fifty digits has."""
    configs = {}
    for depth in range(160):
        inner = pb.ModelConfig(name=f"e{depth}", platform="ensemble")
        for _ in range(2):
            inner.ensemble_scheduling.step.add(model_name=f"e{depth + 1}")
        configs[inner.name] = inner
    configs["e160"] = pb.ModelConfig(name="e160", backend="python")
    assert not has_decoupled("e0", configs)
    configs["e160"].model_transaction_policy.decoupled = True
    assert has_decoupled("e0", configs)
    configs["e160"] = configs["e0"]
    assert not has_decoupled("e0", configs)
