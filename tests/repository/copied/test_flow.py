import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.copied.flow import Ends, Tensors, Wiring, fitted, waves


def step(model: str, inputs: list[str], outputs: list[str]) -> Wiring:
    return Wiring(model, {name: name for name in inputs}, {name: name for name in outputs})


def test_steps_that_need_nothing_of_each_other_share_a_wave() -> None:
    steps = [
        step("join", ["a", "b"], ["out"]),
        step("left", ["x"], ["a"]),
        step("right", ["x"], ["b"]),
    ]
    order = waves(steps, ["x"])
    assert [[member.model for member in wave] for wave in order] == [["left", "right"], ["join"]]


@pytest.mark.parametrize(
    ("steps", "missing"),
    [
        ([step("a", ["nowhere"], ["out"])], "nowhere"),
        ([step("a", ["b"], ["c"]), step("d", ["c"], ["b"])], "'b'"),
        ([step("a", ["loop"], ["loop"])], "loop"),
    ],
)
def test_what_cannot_run_is_refused_by_name(steps: list[Wiring], missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        waves(steps, ["x"])


@given(st.data())
def test_any_dag_in_any_order_runs_each_step_after_what_it_reads(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    names = ["x", *(f"t{index}" for index in range(count))]
    steps = [
        step(
            f"m{index}",
            data.draw(st.lists(st.sampled_from(names[: index + 1]), min_size=1)),
            [f"t{index}"],
        )
        for index in range(count)
    ]
    order = waves(data.draw(st.permutations(steps)), ["x"])
    done = {"x"}
    for wave in order:
        for member in wave:
            assert set(member.inputs.values()) <= done
        done |= {f"t{member.model[1:]}" for member in wave}
    assert sum(len(wave) for wave in order) == count


def tensors(ends: Ends, **inputs: list[int]) -> Tensors[list[int]]:
    """Tensors that are their shapes."""
    return Tensors(ends, inputs, lambda shape: shape, lambda _, shape: list(shape))


def test_absent_optional_inputs_are_left_out_and_outputs_renamed() -> None:
    wiring = Wiring("m", {"image": "page", "limit": "limit"}, {"out": "text"})
    flowing = tensors(Ends(False, {"text": [-1]}), page=[1])
    assert flowing.gather(wiring) == {"image": [1]}
    flowing.scatter(wiring, {"out": [2], "unread": [3]})
    assert flowing.outputs(["text"]) == {"text": [2]}


ENCODE = Wiring("encode", {"pixels": "pixels"}, {"y": "y"}, batches=True, dims={"pixels": [3, -1]})
JOIN = Wiring("join", {"tiles": "y"}, {"z": "z"}, dims={"tiles": [-1, 5]})
ADAPT = Wiring("adapt", {"x": "y"}, {"z": "z"}, batches=True, dims={"x": [5]})


def test_a_single_tensor_is_a_batch_of_one_row_on_its_way() -> None:
    flowing = tensors(Ends(False, {"y": [-1], "z": [-1]}), pixels=[3, 7])
    assert flowing.gather(ENCODE) == {"pixels": [1, 3, 7]}
    flowing.scatter(ENCODE, {"y": [1, 5]})
    assert flowing.gather(ADAPT) == {"x": [1, 5]}
    flowing.scatter(ADAPT, {"z": [1, 5]})
    assert flowing.outputs(["z", "y"]) == {"z": [5], "y": [5]}
    assert flowing.gather(JOIN) == {"tiles": [1, 5]}


def test_tiles_are_the_batch_itself() -> None:
    flowing = tensors(Ends(False, {"y": [-1, -1]}), pixels=[2, 3, 7])
    assert flowing.gather(ENCODE) == {"pixels": [2, 3, 7]}
    flowing.scatter(ENCODE, {"y": [2, 5]})
    assert flowing.gather(JOIN) == {"tiles": [2, 5]}
    assert flowing.outputs(["y"]) == {"y": [2, 5]}


SHAPES = st.lists(st.integers(1, 3), max_size=4)
DIMS = st.lists(st.sampled_from([-1, 1, 2, 3]), max_size=4)


def reshape_tensor_dims(
    config_dims: list[int], config_allow_batching: bool, tensor_batch_size: int, dims: list[int]
) -> list[int]:
    """The behaviour of ``EnsembleContext::ReshapeTensorDims``, branch by branch."""
    agree = len(config_dims) == len(dims)
    if agree:
        for config_dim, dim in zip(config_dims, dims, strict=True):
            if config_dim != -1 and dim != -1 and config_dim != dim:
                agree = False
    if config_allow_batching and tensor_batch_size == 0 and agree:
        return [1, *dims]
    if not config_allow_batching and tensor_batch_size == 1 and not agree:
        return dims[1:]
    return dims


@given(
    SHAPES, st.integers(0, 3), st.lists(st.sampled_from([-1, 1, 2, 3]), max_size=4), st.booleans()
)
def test_a_tensor_reaches_its_reader_as_in_triton(
    rest: list[int], rows: int, dims: list[int], batches: bool
) -> None:
    shape = [rows, *rest] if rows else rest
    expected = reshape_tensor_dims(dims, batches, rows, shape)
    assert list(fitted(shape, rows, dims, batches)) == expected
