"""What every family of this checkout declares."""

from __future__ import annotations

import pytest

from builders.kit.checkout import Checkout
from builders.kit.graph import OnnxModel, closure


@pytest.mark.parametrize(
    "name", [each for each in Checkout().families if Checkout().declared(each) is not None]
)
def test_every_model_that_is_served_is_compared_with_its_source(name: str) -> None:
    family = Checkout().declared(name)
    assert family is not None
    served = [each for each in closure(family.pipelines) if isinstance(each, OnnxModel)]
    assert served
    assert [each.name for each in served if each.export.parity is None] == []
