"""What is known of Triton's releases, as far as the server at hand and the protobufs can tell."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import pytest

from builders.kit.proto import pb
from builders.kit.release import RELEASES, release
from runtime.control import CallFailed
from runtime.server import LocalServer


def test_local_server_is_the_release_it_is_taken_for(triton: LocalServer) -> None:
    metadata = json.loads(triton.control.request("GET", "/v2"))
    assert metadata["version"] == release("24.10").server


def test_unknown_release_names_those_known() -> None:
    with pytest.raises(KeyError, match=r"24\.09.*24\.10"):
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


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("metrics", "model_metrics { }", False),
        (
            "inflight",
            'platform: "ensemble" ensemble_scheduling { max_inflight_requests: 4 }',
            False,
        ),
        ("runtime", 'runtime: "model.py"', True),
    ],
)
def test_server_knows_the_fields_that_its_release_knows(
    triton: LocalServer, name: str, text: str, known: bool
) -> None:
    """A field that the server's proto lacks fails the parsing, before anything else is read."""
    folder = triton.repository / f"field_{name}"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(f"max_batch_size: 0\n{text}\n")
    with pytest.raises(CallFailed):
        triton.control.load(folder.name)
    shutil.rmtree(folder)
    unread = f"failed to read text proto from {folder}"
    assert any(unread in line for line in triton.log_lines) is not known
