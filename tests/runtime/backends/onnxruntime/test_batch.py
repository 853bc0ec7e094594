"""Joining requests and splitting their results, without a server."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runtime.backends.onnxruntime.batch import Array, Arrays, join, run_all, split
from runtime.backends.onnxruntime.failures import RequestError, run_failure

DTYPES = st.sampled_from(["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"])


@st.composite
def batches(draw: st.DrawFn) -> list[dict[str, np.ndarray]]:
    """Requests that fit together, of 0 to 3 rows each."""
    forms = draw(
        st.dictionaries(
            st.sampled_from("abc"),
            st.tuples(DTYPES, hnp.array_shapes(min_dims=0, max_side=3)),
            min_size=1,
        )
    )
    counts = draw(st.lists(st.integers(0, 3), min_size=1, max_size=5))
    return [
        {name: draw(hnp.arrays(dtype, (count, *shape))) for name, (dtype, shape) in forms.items()}
        for count in counts
    ]


@given(batches())
def test_split_undoes_join(requests: list[dict[str, np.ndarray]]) -> None:
    counts = [len(next(iter(request.values()))) for request in requests]
    wanted = [list(request) for request in requests]
    for before, after in zip(requests, split(join(requests), wanted, counts), strict=True):
        assert not isinstance(after, RequestError)
        assert before.keys() == after.keys()
        for name, array in before.items():
            assert after[name].dtype == array.dtype and after[name].flags.c_contiguous
            np.testing.assert_array_equal(after[name], array)


def outputs(answer: Arrays | RequestError) -> Arrays:
    assert not isinstance(answer, RequestError), answer
    return answer


class Model:
    """Gives its input back as y; fails where it sees 13. Counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, inputs: Arrays, wanted: Sequence[str]) -> dict[str, np.ndarray]:
        self.runs += 1
        assert set(wanted) <= {"y", "z"}
        if (inputs["x"] == 13).any():
            raise RequestError("13 is not taken")
        results = {"y": inputs["x"], "z": inputs["x"] + 1}
        return {name: results[name] for name in wanted}


@given(st.lists(st.lists(st.integers(10, 16), min_size=1, max_size=3), min_size=1, max_size=6))
def test_only_those_at_fault_get_an_error(values: list[list[int]]) -> None:
    model = Model()
    requests = [{"x": np.array(each)} for each in values]
    answers = run_all(requests, [["y"]] * len(values), model, batching=True)
    for each, answer in zip(values, answers, strict=True):
        if 13 in each:
            assert isinstance(answer, RequestError)
        else:
            assert not isinstance(answer, RequestError)
            assert answer["y"].tolist() == each
    good = all(13 not in each for each in values)
    assert model.runs == (1 if good or len(values) == 1 else 1 + len(values))


def test_each_gets_the_outputs_that_it_asks_for() -> None:
    model = Model()
    requests = [{"x": np.array([n])} for n in range(3)]
    answers = run_all(requests, [["y"], ["z"], ["z", "y"]], model, batching=True)
    assert model.runs == 1
    assert [list(outputs(answer)) for answer in answers] == [["y"], ["z"], ["z", "y"]]
    assert outputs(answers[2])["z"].tolist() == [3]


@pytest.mark.parametrize(
    "other",
    [{"x": np.ones((1, 2))}, {"x": np.ones(1, np.int8)}, {"x": np.ones(1), "w": np.ones(1)}],
)
def test_requests_that_do_not_fit_together_run_apart(other: dict[str, np.ndarray]) -> None:
    model = Model()
    answers = run_all([{"x": np.zeros(1)}, other], [["y"], ["y"]], model, batching=True)
    assert model.runs == 2
    np.testing.assert_array_equal(outputs(answers[1])["y"], other["x"])


def test_without_batching_each_runs_alone() -> None:
    model = Model()
    run_all([{"x": np.ones(3)}] * 3, [["y"]] * 3, model, batching=False)
    assert model.runs == 3


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.integers(0, 14),
)
def test_rows_are_split_as_the_c_plus_plus_backend_splits_them(
    counts: list[int], made: int
) -> None:
    """A request gets its rows by their place; what is beyond is dropped, what lacks is an error."""
    requests = [{"x": np.zeros(count)} for count in counts]
    output: dict[str, Array] = {"y": np.arange(made)}
    answers = run_all(requests, [["y"]] * len(counts), lambda *_: output, batching=True)
    start = 0
    for count, answer in zip(counts, answers, strict=True):
        if start + count > made:
            assert isinstance(answer, RequestError) and answer.code == "UNSUPPORTED"
            assert f"expected at least {start + count}" in str(answer)
        else:
            assert outputs(answer)["y"].tolist() == list(range(start, start + count))
        start += count


def test_a_scalar_output_has_no_rows() -> None:
    answers = run_all([{"x": np.zeros(1)}], [["y"]], lambda *_: {"y": np.zeros(())}, batching=True)
    assert isinstance(answers[0], RequestError)


@pytest.mark.parametrize(
    ("text", "sentence", "code"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Reshape "
            "node. Name:'/a/b' Status Message: /src/x.h:84 size was false.",
            "the model cannot run on 'x' float32 [2, 3]: a Reshape node failed",
            "INVALID_ARG",
        ),
        (
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization: "
            "/src/bfc_arena.cc:376 BFCArena: Failed to allocate memory for requested buffer",
            "not enough memory to run the model on 'x' float32 [2, 3]",
            "UNAVAILABLE",
        ),
        (
            "something in /etc/else.cc",
            "the model cannot run on 'x' float32 [2, 3]",
            "INVALID_ARG",
        ),
    ],
)
def test_a_failure_is_one_sentence_without_paths(text: str, sentence: str, code: str) -> None:
    failure = run_failure(RuntimeError(text), {"x": np.zeros((2, 3), np.float32)})
    assert (str(failure), failure.code) == (sentence, code)
