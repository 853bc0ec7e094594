"""Steps that batch between steps that do not: what is accepted works, what is refused does not."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from repository.check.ensemble.batches import check_batches
from repository.check.ensemble.joints import check_joints, ends
from repository.check.ensemble.steps import check_ensemble
from repository.config.proto import pb
from repository.config.wiring import ends as own_ends
from repository.config.wiring import wiring
from repository.copied.flow import Tensors, waves
from repository.findings import Finding

MOST = 3


def model(name: str, most: int, inputs: str, outputs: str, *steps: str) -> pb.ModelConfig:
    """A config of tensors ``name:dims`` and steps ``model input=tensor -> output=tensor``."""
    config = pb.ModelConfig(name=name, max_batch_size=most, backend="" if steps else "python")
    for entries, words in ((config.input, inputs), (config.output, outputs)):
        for word in words.split():
            key, _, dims = word.partition(":")
            entries.add(name=key, data_type=pb.TYPE_FP32, dims=map(int, dims.split(",")))
    for step in steps:
        config.platform = "ensemble"
        called, _, rest = step.partition(" ")
        made = config.ensemble_scheduling.step.add(model_name=called, model_version=-1)
        for field, pairs in zip((made.input_map, made.output_map), rest.split(" -> "), strict=True):
            for pair in pairs.split():
                key, _, value = pair.partition("=")
                field[key] = value
    return config


PLAIN = model("plain", 0, "file:-1", "pixels:3,8,8 thumb:3,8,8")
TILED = model("tiled", 0, "file:-1", "pixels:-1,3,8,8 thumb:3,8,8")
FIXED = model("fixed", 0, "file:-1", "pixels:6,3,8,8")
ENCODE = model("encode", 4, "pixels:3,8,8", "features:-1,16 pooled:16")
BESIDE = model("beside", 4, "pixels:3,8,8 thumb:3,8,8", "features:-1,16")
ADAPT = model("adapt", 4, "features:-1,16", "embeds:-1,16")
JOIN = model("join", 0, "tiles:-1,-1,16", "joined:-1,16")
MODELS = {each.name: each for each in (PLAIN, TILED, FIXED, ENCODE, BESIDE, ADAPT, JOIN)}
ENCODES = "encode pixels=pixels -> features=features"


def findings(config: pb.ModelConfig) -> list[Finding]:
    return list(check_ensemble(config, MODELS, {}))


@pytest.mark.parametrize(
    ("outputs", "steps"),
    [
        ("features:-1,16", ["plain file=file -> pixels=pixels", ENCODES]),
        ("features:-1,-1,16", ["tiled file=file -> pixels=pixels", ENCODES]),
        ("features:-1,-1,16", ["plain file=file -> pixels=pixels", ENCODES]),
        (
            "embeds:-1,16 pooled:16",
            [
                "plain file=file -> pixels=pixels",
                ENCODES + " pooled=pooled",
                "adapt features=features -> embeds=embeds",
            ],
        ),
        (
            "joined:-1,16",
            [
                "tiled file=file -> pixels=pixels",
                ENCODES,
                "adapt features=features -> embeds=embeds",
                "join tiles=embeds -> joined=joined",
            ],
        ),
        (
            "features:-1,16",
            [
                "plain file=file -> pixels=pixels thumb=thumb",
                "beside pixels=pixels thumb=thumb -> features=features",
            ],
        ),
    ],
)
def test_batched_steps_between_unbatched_ones_are_accepted(outputs: str, steps: list[str]) -> None:
    assert findings(model("e", 0, "file:-1", outputs, *steps)) == []


@pytest.mark.parametrize(
    ("outputs", "steps", "rule", "words"),
    [
        (
            "features:-1,16",
            ["tiled file=file -> pixels=pixels", ENCODES],
            "ensemble-rank",
            ["[-1, 16], as the ensemble's output has", "[-1, -1, 16] in output 'features'"],
        ),
        (
            "features:-1,-1,16",
            [
                "tiled file=file -> pixels=pixels thumb=thumb",
                "beside pixels=pixels thumb=thumb -> features=features",
            ],
            "ensemble-batch",
            ["as many rows", "'beside'", "any number in 'pixels', 1 in 'thumb'"],
        ),
        (
            "features:-1,-1,16",
            ["fixed file=file -> pixels=pixels", ENCODES],
            "ensemble-batch",
            ["at most 4 rows, the max_batch_size of 'encode'", "found 6", "Raise max_batch_size"],
        ),
    ],
)
def test_what_loads_and_then_fails_is_refused(
    outputs: str, steps: list[str], rule: str, words: list[str]
) -> None:
    (found,) = findings(model("e", 0, "file:-1", outputs, *steps))
    assert found.rule == rule
    assert all(word in str(found) for word in words), found


def test_a_pipeline_that_batches_has_no_output_of_one_row() -> None:
    once = model("once", 0, "x:-1,4", "y:4")
    config = model("e", 4, "x:4", "y:4", "once x=x -> y=y")
    found = list(check_ensemble(config, {"once": once}, {}))
    assert [each.rule for each in found] == ["ensemble-batch"]
    assert found[0].found == "any number in 'the request', 1 in 'y'"


@dataclass(frozen=True)
class Case:
    """An ensemble and its models."""

    config: pb.ModelConfig
    configs: dict[str, pb.ModelConfig]

    def __repr__(self) -> str:
        texts = (
            text_format.MessageToString(each) for each in (self.config, *self.configs.values())
        )
        return "\n".join(texts)


READ = st.sampled_from(["4", "-1,4", "-1,-1,4"])
GIVEN = st.sampled_from(["4", "-1,4", "1,4"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to three steps, each with one or two inputs, over a pipeline of one input."""
    names = ["t0"]
    configs, steps = {}, []
    for index in range(draw(st.integers(1, 3))):
        read = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        inputs = " ".join(f"{name}:{draw(READ)}" for name in read)
        most = draw(st.sampled_from([0, MOST]))
        names.append(f"t{index + 1}")
        configs[f"m{index}"] = model(f"m{index}", most, inputs, f"{names[-1]}:{draw(GIVEN)}")
        maps = " ".join(f"{name}={name}" for name in read)
        steps.append(f"m{index} {maps} -> {names[-1]}={names[-1]}")
    most = draw(st.sampled_from([0, MOST]))
    outputs = f"{names[-1]}:{draw(READ)}"
    return Case(model("e", most, f"t0:{draw(READ)}", outputs, *steps), configs)


def agree(first: Sequence[int], second: Sequence[int]) -> bool:
    return len(first) == len(second) and all(
        -1 in pair or pair[0] == pair[1] for pair in zip(first, second, strict=True)
    )


def loads(case: Case) -> bool:
    """Triton holds each end of a tensor to the first one, by its dims or by its full shape."""
    return all(
        agree(joined[0].dims, end.dims) or agree(joined[0].shape, end.shape)
        for joined in ends(case.config, case.configs).values()
        for end in joined
    )


def runs(case: Case, rows: int) -> bool:
    """Whether a request goes through, all free axes of which are of that size."""

    def sized(dims: Sequence[int], batch: Sequence[int]) -> list[int]:
        return [rows if size == -1 else size for size in (*batch, *dims)]

    def fits(shape: Sequence[int], dims: Sequence[int], batching: bool) -> bool:
        return agree(shape, [-1, *dims] if batching else list(dims))

    config = case.config
    batch = [rows] if config.max_batch_size else []
    own = own_ends(config)
    given = {tensor.name: sized(tensor.dims, batch) for tensor in config.input}
    flowing: Tensors[list[int]] = Tensors(
        own, given, lambda shape: shape, lambda _, shape: list(shape)
    )
    for step in itertools.chain(*waves(wiring(config, case.configs), list(given))):
        taken = flowing.gather(step)
        if not all(fits(taken[name], step.dims[name], step.batches) for name in taken):
            return False
        sizes = {shape[0] for shape in taken.values()} if step.batches else set()
        if len(sizes) > 1 or any(size > MOST for size in sizes):
            return False
        made = case.configs[step.model].output
        flowing.scatter(step, {tensor.name: sized(tensor.dims, [*sizes]) for tensor in made})
    for name, shape in flowing.outputs([*own.outputs]).items():
        if not fits(shape, own.outputs[name], own.batches) or (batch and shape[0] != rows):
            return False
    return True


@given(cases())
def test_what_is_accepted_is_what_loads_and_runs_at_every_size(case: Case) -> None:
    found = [*check_joints(case.config, case.configs), *check_batches(case.config, case.configs)]
    works = loads(case) and all(runs(case, rows) for rows in range(1, MOST + 1))
    assert (found == []) == works, found
