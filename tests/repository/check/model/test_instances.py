"""How many instances Triton makes of a model: one count for the check and for resources."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from repository.check.model.instances import check_instances
from repository.check.serving import check_shared_memory
from repository.config.facts import instances
from repository.config.proto import pb
from runtime import processes
from runtime.server.server import LocalServer

KINDS = ["KIND_AUTO", "KIND_CPU", "KIND_GPU", "KIND_MODEL"]


def config(text: str, backend: str = "python") -> pb.ModelConfig:
    made = text_format.Parse(text, pb.ModelConfig())
    made.name, made.backend = "m", backend
    return made


@pytest.mark.parametrize(
    ("text", "backend", "gpus", "all_of_them", "serving"),
    [
        ("", "python", 0, 1, 1),
        ("", "onnxruntime", 0, 2, 2),
        ("", "onnxruntime", 2, 2, 2),  # one on each GPU
        ("instance_group { count: 0 kind: KIND_CPU }", "python", 0, 1, 1),
        ("instance_group { count: 0 kind: KIND_CPU }", "onnxruntime", 0, 2, 2),
        ("instance_group { count: -5 kind: KIND_MODEL }", "onnxruntime", 0, 1, 1),
        ("instance_group { count: 3 kind: KIND_CPU passive: true }", "python", 0, 3, 0),
        ("instance_group { count: 2 } instance_group { passive: true }", "python", 0, 3, 2),
        ("instance_group { count: 2 kind: KIND_GPU gpus: [0, 2] }", "python", 4, 4, 4),
        ("instance_group { kind: KIND_GPU }", "tensorflow", 3, 3, 3),
        ("instance_group { count: 2 gpus: [1] }", "onnxruntime", 2, 2, 2),
        ('platform: "ensemble"', "", 0, 0, 0),
    ],
)
def test_instances(text: str, backend: str, gpus: int, all_of_them: int, serving: int) -> None:
    made = config(text, backend)
    assert instances(made, gpus=gpus) == all_of_them
    assert instances(made, passive=False, gpus=gpus) == serving


@st.composite
def groups(draw: st.DrawFn) -> pb.ModelConfig:
    made = config("", draw(st.sampled_from(["python", "onnxruntime", "tensorrt"])))
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(KINDS))
        made.instance_group.add(
            kind=kind,
            count=draw(st.integers(-2, 5)),
            gpus=draw(st.lists(st.integers(0, 7), max_size=3, unique=True))
            if kind in ("KIND_AUTO", "KIND_GPU")
            else [],
            passive=draw(st.booleans()),
        )
    return made


@given(groups(), st.integers(0, 8))
def test_the_parts_add_up(made: pb.ModelConfig, gpus: int) -> None:
    """Groups count by themselves; passive ones are the difference; /dev/shm goes by all of them."""
    whole, serving = instances(made, gpus=gpus), instances(made, passive=False, gpus=gpus)
    apart = []
    for group in made.instance_group:
        one = config("", made.backend)
        one.instance_group.append(group)
        apart.append((instances(one, gpus=gpus), group.passive))
        assert apart[-1][0] >= max(1, group.count)
    if apart:
        assert whole == sum(count for count, _ in apart)
        assert serving == sum(count for count, passive in apart if not passive)
    else:
        assert whole == serving >= 1
    if made.backend == "python":
        region = 2**20
        assert list(check_shared_memory([made], instances(made) * region)) == []
        assert list(check_shared_memory([made], instances(made) * region - 1)) != []


MODEL = b"class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"

SERVED = [
    ("python", "model.py", ""),
    ("python", "model.py", "instance_group { count: 0 kind: KIND_CPU }"),
    ("python", "model.py", "instance_group { count: 2 } instance_group { passive: true }"),
    ("python", "model.py", "instance_group { count: -3 kind: KIND_MODEL }"),
]


@pytest.mark.thorough
def test_triton_makes_as_many(triton: LocalServer) -> None:
    """Each instance is a stub, passive ones too."""
    for index, (backend, file, text) in enumerate(SERVED):
        made = config(text, backend)
        made.name = f"counted{index}"
        made.input.add(name="x", data_type="TYPE_INT8", dims=[1])
        made.output.add(name="y", data_type="TYPE_INT8", dims=[1])
        folder: Path = triton.repository / made.name
        (folder / "1").mkdir(parents=True)
        (folder / "1" / file).write_bytes(MODEL)
        (folder / "config.pbtxt").write_text(text_format.MessageToString(made))
        triton.control.load(made.name)
        stubs = [
            pid
            for pid in processes.children(triton.pid)
            if any(f"/{made.name}/1/" in part for part in processes.arguments(pid))
        ]
        assert len(stubs) == instances(made), text


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("instance_group { gpus: -1 }", ["instance-group"]),
        ("instance_group { gpus: [0, -7, -7] }", ["instance-group", "duplicate-device"]),
        ("instance_group { kind: KIND_GPU gpus: [1, 1] }", ["duplicate-device"]),
        ("instance_group { secondary_devices { device_id: -1 } }", ["instance-group"]),
        ("instance_group { passive: true }", ["passive-instances"]),
        ("instance_group { count: 2147483647 }", ["instance-count"]),
        ("instance_group { count: 4096 }", []),
        ("instance_group { passive: true } instance_group { kind: KIND_GPU gpus: [0, 1] }", []),
        ("instance_group { gpus: -1 } ensemble_scheduling { }", []),
    ],
)
def test_groups_that_cannot_be_meant(text: str, rules: list[str]) -> None:
    assert [each.rule for each in check_instances(config(text))] == rules
