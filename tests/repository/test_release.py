"""What is known of Triton's releases, as far as the server at hand and the protobufs can tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from repository.config.proto import pb
from repository.release import RELEASES, ReleaseError, release
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer


def test_local_server_is_the_release_it_is_taken_for(triton: LocalServer) -> None:
    metadata = json.loads(triton.control.request("GET", "/v2"))
    assert metadata["version"] == release("24.10").server


def test_unknown_release_names_those_known() -> None:
    with pytest.raises(ReleaseError, match=r"24\.09.*24\.10"):
        release("24.1")


def test_releases_stand_in_order_and_only_learn() -> None:
    assert list(RELEASES) == sorted(RELEASES)
    for older, newer in pairwise(RELEASES.values()):
        assert newer.unknown_fields <= older.unknown_fields
        assert newer.newest_opset >= older.newest_opset
        assert newer.newest_ir_version >= older.newest_ir_version


def test_unknown_fields_are_fields_of_the_newest_proto() -> None:
    for name in set().union(*(known.unknown_fields for known in RELEASES.values())):
        message, field = name.split(".")
        assert field in pb.DESCRIPTOR.message_types_by_name[message].fields_by_name


TENSORS = """
max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: -1 }
output { name: "y" data_type: TYPE_FP32 dims: -1 }
"""

STEP = """
step {
  model_name: "field_model" model_version: -1
  input_map { key: "x" value: "x" } output_map { key: "y" value: "y" }
}
"""


@pytest.fixture
def load(triton: LocalServer) -> Callable[[str, str], None]:
    """Loads a model of a name with a config."""

    def write_and_load(name: str, config: str) -> None:
        folder = triton.repository / name
        (folder / "1").mkdir(parents=True, exist_ok=True)
        (folder / "1" / "model.py").write_text(
            "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"
        )
        (folder / "config.pbtxt").write_text(TENSORS + config)
        triton.control.load(name)

    return write_and_load


def test_server_knows_the_fields_that_its_release_knows(
    load: Callable[[str, str], None],
) -> None:
    load("field_model", 'backend: "python" runtime: ""')
    with pytest.raises(CallFailed, match="failed to poll"):
        load("field_model", 'backend: "python" model_metrics { }')
    load("field_model", 'backend: "python"')
    load("field_ensemble", f'platform: "ensemble" ensemble_scheduling {{ {STEP} }}')
    with pytest.raises(CallFailed, match="failed to poll"):
        load(
            "field_ensemble",
            f'platform: "ensemble" ensemble_scheduling {{ {STEP} max_inflight_requests: 4 }}',
        )
