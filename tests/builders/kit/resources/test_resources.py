"""What a repository needs is added up as it is measured, and the patch fits the runtime."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from builders.cli.app import app
from builders.kit.checkout import Checkout
from builders.kit.resources.measure import UNMEASURED, Load, Measured, measure
from builders.kit.resources.patch import patch
from builders.kit.resources.request import LoadError, request
from builders.kit.resources.size import size_of
from builders.kit.resources.total import MIB, Resources, resources
from repository.config.text import read_config
from repository.manifest import Manifest, read_manifest
from repository.usage.found import Usages

ROOT = Path(__file__).resolve().parents[4]
BUILT = ROOT / "model_repository"
RUNTIME = ROOT / "kserve/base/runtimes/triton-multimodal/servingruntime.yaml"

CONFIG = """
name: "{name}" backend: "{backend}" max_batch_size: {batch}
input {{ name: "file" data_type: TYPE_{dtype} dims: [{dims}] }}
output {{ name: "y" data_type: TYPE_UINT8 dims: [-1] }}
instance_group {{ {group} }}
parameters {{ key: "stage" value {{ string_value: "eat" }} }}
"""

STAGE = """
import numpy as np

KEPT = np.ones({kept} << 20, np.uint8)


def prepare(folder, parameters):
    def run(inputs):
        if inputs["file"].size == 3:
            raise ValueError("three bytes are no file")
        np.ones({passing} << 20, np.uint8)
        return {{"y": np.zeros(2 << 20, np.uint8)}}

    return run
"""


def toy(
    folder: Path,
    *,
    kept: int = 10,
    passing: int = 10,
    group: str = "count: 1 kind: KIND_CPU",
    batch: int = 0,
    dtype: str = "UINT8",
    dims: str = "-1",
    device: str = "cpu",
    backend: str = "python",
) -> Manifest:
    """A repository of one model, which keeps some MiB and needs others for a request."""
    stages = folder / "eater" / "1" / "stages"
    stages.mkdir(parents=True, exist_ok=True)
    (stages / "__init__.py").write_text('"""Stages."""\n')
    (stages / "eat.py").write_text(STAGE.format(kept=kept, passing=passing))
    (folder / "eater" / "config.pbtxt").write_text(
        CONFIG.format(
            name="eater", backend=backend, group=group, batch=batch, dtype=dtype, dims=dims
        )
    )
    return dataclasses.replace(
        read_manifest(BUILT),
        target={"triton": "24.10", "device": device},
        models={"eater": {"kind": "python", "bytes": 1000}},
        files={},
    )


def one(memory: int, tensors: int, rows: int = 1) -> Load:
    return Load({"eater": Measured(memory, tensors, rows)}, tensors, ("eater: a file",))


def test_a_model_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    toy(tmp_path, kept=60, passing=100)
    file = tmp_path / "file"
    file.write_bytes(b"1" * MIB)
    load = measure_model(tmp_path, file)
    assert 160 * MIB <= load.memory < 185 * MIB
    assert load.tensors == 3 * MIB


def measure_model(repository: Path, file: Path) -> Measured:
    from builders.kit.resources.measure import _probe

    inputs, _ = request(read_config(repository / "eater" / "config.pbtxt"), file, Usages({}))
    return _probe(repository, "eater", inputs)


def test_what_cannot_be_measured_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Others take seconds to import.
    monkeypatch.setattr(Checkout, "families", ("ocr",))
    toy(tmp_path)
    short = tmp_path / "short"
    short.write_bytes(b"123")
    with pytest.raises(LoadError, match="three bytes are no file"):
        measure(tmp_path, {"eater": short})
    with pytest.raises(LoadError, match="has no model 'eter'"):
        measure(tmp_path, {"eter": short})
    with pytest.raises(LoadError, match="No such file"):
        measure(tmp_path, {"eater": tmp_path / "none"})
    with pytest.raises(LoadError, match=r"'eater': expected .* no family declares") as caught:
        measure(tmp_path, {"eater": None})
    assert caught.value.arguments == ("files",)
    for dtype, dims in (("FP32", "-1"), ("UINT8", "-1, 3")):
        toy(tmp_path, dtype=dtype, dims=dims)
        with pytest.raises(LoadError, match="'eater': expected an input that holds"):
            measure(tmp_path, {"eater": short})


def test_a_single_model_is_a_pipeline_of_its_own(tmp_path: Path) -> None:
    toy(tmp_path)
    file = tmp_path / "file"
    file.write_bytes(b"1" * MIB)
    load = measure(tmp_path, {"eater": file})
    assert load.models["eater"].tensors == load.tensors == 3 * MIB


def test_a_pipeline_that_runs_on_its_target_alone_is_estimated(tmp_path: Path) -> None:
    toy(tmp_path, backend="tensorrt")
    load = measure(tmp_path, {"eater": None})
    assert load.models == {} and load.tensors == UNMEASURED
    assert "not measured: 'eater': expected a model that runs in process" in load.requests[0]


def test_a_stage_that_calls_holds_what_its_calls_hold(tmp_path: Path) -> None:
    manifest = toy(tmp_path)
    config = tmp_path / "eater" / "config.pbtxt"
    calls = 'parameters { key: "calls" value { string_value: "other" } }'
    config.write_text(config.read_text() + calls)
    load = Load({"eater": Measured(10 * MIB, 1 * MIB, 1)}, 20 * MIB, ("eater: a file",))
    needed = resources(tmp_path, manifest, load, concurrency=1)
    assert [need.bytes // MIB for need in needed.regions] == [21]


def test_the_sum_is_that_of_its_parts(tmp_path: Path) -> None:
    manifest = toy(tmp_path, group="count: 3 kind: KIND_CPU")
    needed = resources(tmp_path, manifest, one(100 * MIB, 5 * MIB), concurrency=4)
    assert [need.bytes // MIB for need in needed.regions] == [3 * 6]
    assert needed.shared_memory == 32 * MIB  # 1.25 x 18 is 22.5
    assert [need.bytes // MIB for need in needed.parts] == [256, 4 * 5, 3 * 140, 32]
    assert needed.memory == 960 * MIB  # 1.25 x 696 and 32 are 902
    assert needed.gpus == 0


@settings(max_examples=50, deadline=None)
@given(
    count=st.integers(1, 8),
    memory=st.integers(0, 10**10),
    tensors=st.integers(1, 10**9),
    concurrency=st.integers(1, 64),
)
def test_more_of_anything_never_needs_less(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    memory: int,
    tensors: int,
    concurrency: int,
) -> None:
    folder = tmp_path_factory.mktemp("models")
    manifest = toy(folder, group=f"count: {count} kind: KIND_CPU")
    less = resources(folder, manifest, one(memory, tensors), concurrency=concurrency)
    more = resources(folder, manifest, one(memory + 1, tensors + 1), concurrency=concurrency + 1)
    assert less.memory <= more.memory and less.shared_memory <= more.shared_memory
    assert less.shared_memory >= count * tensors
    assert less.memory >= less.shared_memory + count * memory + concurrency * tensors
    assert less.memory % MIB == less.shared_memory % MIB == less.storage % MIB == 0


def test_joined_requests_count_as_often_as_they_join(tmp_path: Path) -> None:
    single = resources(tmp_path, toy(tmp_path), one(100 * MIB, MIB), concurrency=1)
    joined = resources(tmp_path, toy(tmp_path, batch=8), one(100 * MIB, MIB, 2), concurrency=1)
    assert joined.parts[2].bytes - single.parts[2].bytes == 3 * 100 * MIB
    assert joined.regions[0].bytes == 5 * MIB


@pytest.mark.parametrize(
    ("group", "gpus", "instances"),
    [("count: 2 kind: KIND_GPU", 1, 2), ("count: 2 kind: KIND_GPU gpus: [0, 2]", 3, 4)],
)
def test_gpus_are_those_that_the_configs_name(
    tmp_path: Path, group: str, gpus: int, instances: int
) -> None:
    manifest = toy(tmp_path, group=group, device="gpu")
    needed = resources(tmp_path, manifest, one(MIB, MIB), concurrency=1)
    assert needed.gpus == gpus
    assert needed.regions[0].bytes == instances * 2 * MIB


def test_a_model_that_was_not_measured_is_counted_by_its_file(tmp_path: Path) -> None:
    manifest = toy(tmp_path)
    unknown = Load({}, 7 * MIB, ())
    python = resources(tmp_path, manifest, unknown, concurrency=1)
    assert python.parts[2].bytes == 47 * MIB and python.regions[0].bytes == 8 * MIB
    plan = dataclasses.replace(manifest, models={"eater": {"kind": "plan", "bytes": 90 * MIB}})
    needed = resources(tmp_path, plan, unknown, concurrency=1)
    assert needed.parts[2].bytes == 180 * MIB and needed.regions == ()


def test_strings_are_counted_as_triton_sends_them() -> None:
    tensors = {"a": np.zeros((2, 3), np.float32), "b": np.array([b"four", b""], np.object_)}
    assert size_of(tensors) == 24 + 8 + 4


def applied(document: dict[str, Any], operations: list[Mapping[str, Any]]) -> dict[str, Any]:
    """What RFC 6902 makes of a document, for the operations that the patch uses."""
    made = copy.deepcopy(document)
    for each in operations:
        *parents, last = (key.replace("~1", "/") for key in each["path"].strip("/").split("/"))
        place: Any = made
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place[key]
        if each["op"] == "test":
            assert place[last] == each["value"], each
        else:
            assert each["op"] == "add" or last in place, each
            place[last] = each["value"]
    return made


NEEDED = Resources(2048 * MIB, 96 * MIB, 512 * MIB, 0, (), ())


def test_the_patch_fits_the_runtime() -> None:
    text = patch(NEEDED, runtime="triton-multimodal", requests=["ocr: a page"], concurrency=4)
    before = yaml.safe_load(RUNTIME.read_text())
    after = applied(before, yaml.safe_load(text))
    kept = before["spec"]["containers"][0].pop("resources")
    assert after["spec"]["containers"][0].pop("resources") == {
        "requests": kept["requests"] | {"memory": "2048Mi", "ephemeral-storage": "512Mi"},
        "limits": kept["limits"] | {"memory": "2048Mi"},
    }
    assert after["spec"]["volumes"][0]["emptyDir"] == {"medium": "Memory", "sizeLimit": "96Mi"}
    after["spec"]["volumes"][0]["emptyDir"] = before["spec"]["volumes"][0]["emptyDir"]
    assert after == before
    assert "# Largest requests: ocr: a page; 4 at once." in text


def test_a_gpu_is_a_request_and_a_limit() -> None:
    gpu = dataclasses.replace(NEEDED, gpus=2)
    text = patch(gpu, runtime="triton-multimodal", requests=[], concurrency=1)
    after = applied(yaml.safe_load(RUNTIME.read_text()), yaml.safe_load(text))
    made = after["spec"]["containers"][0]["resources"]
    assert made["requests"]["nvidia.com/gpu"] == made["limits"]["nvidia.com/gpu"] == "2"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--runtime", "Triton Multimodal"), 2, "no name of a ServingRuntime"),
        (("--request", "page.png"), 2, "not PIPELINE=FILE"),
        (("--concurrency", "0"), 2, "greater than or equal"),
        (("--request", "orc=page.png"), 1, "has no model 'orc'"),
        (("--request", "ocr=missing.png"), 1, "cannot read missing.png"),
        (("--request", f"ocr={ROOT / 'README.md'}"), 1, "refuses its largest request"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = CliRunner().invoke(app, ["resources", str(BUILT), "--out", "-", *arguments])
    assert result.exit_code == code
    assert said in " ".join(result.output.split()) and "Traceback" not in result.output
