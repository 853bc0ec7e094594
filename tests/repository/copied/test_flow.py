import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.copied.flow import Wiring, gather, scatter, waves


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


def test_absent_optional_inputs_are_left_out_and_outputs_renamed() -> None:
    wiring = Wiring("m", {"image": "page", "limit": "limit"}, {"out": "text"})
    tensors = {"page": 1}
    assert gather(wiring, tensors) == {"image": 1}
    scatter(wiring, {"out": 2, "unread": 3}, tensors)
    assert tensors == {"page": 1, "text": 2}
