"""Builds with a model of an engine that is not here: planned, built, and told as never run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from builders.kit.build.build import build
from builders.kit.build.dry_run import dry_run
from builders.kit.recipe.profile import Profile, load_profile
from builders.kit.tasks.cache import Cache
from repository.families.outside import PACKAGE, forget
from repository.manifest import verify
from runtime.inprocess import InProcess, NotInProcess

FAMILY = '''
"""A family of an engine."""

from builders.kit.family import Family
from builders.kit.graph import GivenModel, QueuePolicy, Tensor
from repository.arrays import DType

ENGINE = GivenModel(
    name="engine",
    inputs=(Tensor("x", DType.FP32, {"value": -1}),),
    outputs=(Tensor("y", DType.FP32, {"value": -1}),),
    queue=QueuePolicy(max_size=0),
    backend="tensorrtllm",
    files={"README": b"Nothing lies here.\\n"},
    image="registry/engine:1",
    backends=("tensorrtllm",),
)
FAMILY = Family(name="spoken", sources={}, pipelines=(ENGINE,), metrics=())
'''


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Profile]:
    family = tmp_path / "spoken"
    family.mkdir()
    (family / "__init__.py").write_text('"""Toy."""\n')
    (family / "family.py").write_text(FAMILY)
    path = tmp_path / "spoken.yaml"
    path.write_text('triton: 26.07\nfamilies: {spoken: {code: "path:spoken"}}\n')
    yield load_profile(path)
    forget(PACKAGE)


def test_a_build_tells_what_it_never_ran(profile: Profile, tmp_path: Path) -> None:
    out, cache = tmp_path / "repository", Cache(tmp_path / "cache")
    (planned,) = dry_run(profile, out, cache=cache).tasks
    assert planned.action == "write"
    assert planned.why == "new; never run here, as only registry/engine:1 can"
    result = build(profile, out, cache=cache)
    (warning,) = result.warnings
    assert warning.rule == "never-run"
    assert result.manifest.models["engine"]["kind"] == "given"
    assert result.manifest.models["engine"]["backend"] == "tensorrtllm"
    assert verify(out) == []
    (planned,) = dry_run(profile, out, cache=cache).tasks
    assert (planned.action, planned.why) == (
        "keep",
        "never run here, as only registry/engine:1 can",
    )
    with pytest.raises(NotInProcess, match="the backend 'tensorrtllm'"):
        InProcess(out).run("engine", {"x": np.zeros(1, np.float32)})
