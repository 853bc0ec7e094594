"""What every family of this checkout declares."""

from __future__ import annotations

import pytest

from builders.kit.checkout import Checkout
from builders.kit.family import Family
from builders.kit.graph import OnnxModel, closure
from repository.usage.found import usages

FAMILIES = [each for each in Checkout().families if Checkout().declared(each) is not None]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_model_that_is_served_is_compared_with_its_source(name: str) -> None:
    family = Checkout().declared(name)
    assert family is not None
    served = [each for each in closure(family.pipelines) if isinstance(each, OnnxModel)]
    assert served
    assert [each.name for each in served if each.export.parity is None] == []


@pytest.mark.parametrize("name", Checkout().families)
def test_a_checkpoint_is_taken_by_a_key_of_the_profile(name: str) -> None:
    family = Checkout().load(name)
    keys = family.sources if isinstance(family, Family) else family.options.model_fields
    assert {each.component for each in family.checkpoints} <= set(keys)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_pipeline_says_how_it_is_used(name: str) -> None:
    declared = usages()
    family = Checkout().declared(name)
    assert family is not None
    for pipeline in family.pipelines:
        usage = declared.of(pipeline.name)
        assert usage is not None, f"builders/{name}/usage.py says nothing of {pipeline.name}"
        assert usage.largest is not None
        assert declared.of(f"{pipeline.name}_bls") is usage
        inputs = {each.name for each in pipeline.inputs}
        assert inputs >= {each.name for each in usage.options}
        assert not isinstance(usage.file, str) or not usage.file or usage.file in inputs
        assert all(request.keys() <= inputs for request in usage.requests)
        if usage.question is not None:
            assert usage.question.inputs.keys() <= inputs
            assert usage.question.answer.keys() <= {each.name for each in pipeline.outputs}
    assert declared.of("nobodys") is None
