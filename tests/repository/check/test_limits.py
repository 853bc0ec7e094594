"""Numbers that no machine can mean, and what a server may lack."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from repository.check.check import check_repository
from repository.check.limits import LARGEST_TENSOR, MOST_SLOTS, MOST_WARMUPS, check_limits
from repository.check.model.config import check_model
from repository.check.serving import check_service
from repository.config.proto import pb
from repository.release import release

RELEASE = release("24.10")


def config(text: str, batch: int = 4) -> pb.ModelConfig:
    made = text_format.Parse(text, pb.ModelConfig())
    made.name, made.max_batch_size = "m", batch
    return made


def rules(text: str, batch: int = 4) -> list[str]:
    return [each.rule for each in check_limits(config(text, batch))]


WARMUP = 'model_warmup {{ name: "w" {head} inputs {{ key: "x" value {{ dims: {dims} }} }} }}'


@pytest.mark.parametrize(
    ("head", "dims", "batch", "expected"),
    [
        ("batch_size: 4", "[8]", 4, []),
        ("batch_size: 5", "[8]", 4, ["warmup-size"]),
        ("batch_size: 1", "[8]", 0, []),
        ("batch_size: 2", "[8]", 0, ["warmup-size"]),
        (f"batch_size: 1 count: {MOST_WARMUPS}", "[8]", 4, []),
        (f"batch_size: 1 count: {MOST_WARMUPS + 1}", "[8]", 4, ["warmup-size"]),
        ("batch_size: 1", "[1048576, 1048576]", 4, ["warmup-size"]),
        ("batch_size: 1", "[4294967296, 4294967296]", 4, ["warmup-size"]),
        ("batch_size: 0 count: 4294967295", "[1048576, 1048576]", 4, []),  # it is skipped
    ],
)
def test_warmups(head: str, dims: str, batch: int, expected: list[str]) -> None:
    assert rules(WARMUP.format(head=head, dims=dims), batch) == expected


@given(st.lists(st.one_of(st.just(-1), st.integers(1, 2**63 - 1)), max_size=6))
def test_the_fixed_axes_of_a_tensor(dims: list[int]) -> None:
    """Multiplied as numbers, not in 64 bits, where some products come out small."""
    elements = 1
    for dim in dims:
        elements *= max(dim, 1)
    text = f'input {{ name: "x" dims: {dims} }} output {{ name: "y" dims: {dims} }}'
    found = rules(text)
    assert found == (["tensor-size"] * 2 if elements > LARGEST_TENSOR else [])


@pytest.mark.parametrize(
    ("text", "batch", "found"),
    [
        ("oldest { max_candidate_sequences: 1000 }", 4, 0),
        (f"oldest {{ max_candidate_sequences: {MOST_SLOTS + 1} }}", 4, 1),
        ("direct { }", 2147483647, 1),
        ("", 2147483647, 1),
        ("direct { }", 64, 0),
    ],
)
def test_sequences(text: str, batch: int, found: int) -> None:
    assert len(rules(f"sequence_batching {{ {text} }}", batch)) == found


@pytest.mark.parametrize("where", ["dynamic_batching", "sequence_batching { oldest"])
def test_delays(where: str) -> None:
    closing = "}" * (where.count("{") + 1)
    for delay, found in ((60_000_000, []), (2**64 - 1, ["queue-delay"])):
        assert rules(f"{where} {{ max_queue_delay_microseconds: {delay} {closing}") == found


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        ("python", []),
        ("tensorrtllm", []),
        ("onxruntime", ["unknown-backend"]),
        ("../python", ["backend"]),
        ("/opt/python", ["backend"]),
        ("py thon", ["backend"]),
    ],
)
def test_backends(backend: str, found: list[str]) -> None:
    made = config(f'backend: "{backend}"')
    assert [each.rule for each in check_model(made, RELEASE)] == found


def test_agents_that_a_server_may_lack() -> None:
    for agent, found in (("checksum", []), ("decrypt", ["repository-agent"])):
        made = config(f'model_repository_agents {{ agents {{ name: "{agent}" }} }}')
        rules_found = [each.rule for each in check_service(made, RELEASE)]
        assert [each for each in rules_found if each != "auto-complete"] == found


MODEL = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"
CONFIG = """
backend: "python"
input { name: "x" data_type: TYPE_FP32 dims: -1 }
output { name: "y" data_type: TYPE_FP32 dims: -1 }
"""


def test_what_takes_the_place_of_tritons_own_is_warned_of(tmp_path: Path) -> None:
    version = tmp_path / "m" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(MODEL)
    (tmp_path / "m" / "config.pbtxt").write_text(CONFIG)
    assert check_repository(tmp_path, RELEASE) == []
    (version / "triton_python_backend_utils.py").write_text("")
    (tmp_path / "m" / "triton_python_backend_stub").write_bytes(b"\x7fELF and so on")
    found = check_repository(tmp_path, RELEASE)
    assert {(each.severity.value, each.rule) for each in found} == {
        ("warning", "own-utilities"),
        ("warning", "own-stub"),
    }
