"""An S3 server or a claim's pod that lies is told in a sentence, and fills no disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repository.manifest import verify
from repository.transfer.claim import pod as pod_module
from repository.transfer.claim import store as claim_module
from repository.transfer.errors import TransferError
from repository.transfer.run import Options, run_pull, run_push
from repository.transfer.s3 import pool
from tests.repository.transfer.claim.claim_cluster import CLUSTER
from tests.repository.transfer.oci.hostile_registry import HostileServer, serving
from tests.repository.transfer.oci.test_hostile_registry import BUFFERS, FILES, files
from tests.repository.transfer.repositories import write_repository
from tests.repository.transfer.s3.hostile_s3 import corpus


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_repository(tmp_path_factory.mktemp("source") / "models", FILES)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(pool, "PAGES", 20)
    with serving() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield server


def told(error: TransferError, name: str) -> None:
    for line in str(error).splitlines():
        assert line.isprintable() and line.endswith(".") and len(line) < 900, (name, line)


@pytest.mark.thorough
def test_every_lie_of_an_s3_server_is_one_sentence(
    server: HostileServer, source: Path, tmp_path: Path
) -> None:
    number = 0
    for number, case in enumerate(corpus(source)):
        server.case, server.sent = case, 0
        there = tmp_path / str(number)
        try:
            run_pull("s3://models/a", there, Options(quiet=True))
        except TransferError as error:
            told(error, case.name)
            left = files(there) if there.exists() else {}
            assert all(name.startswith(".pull/") for name in left), case.name
            assert sum(map(len, left.values())) <= case.declared + (1 << 20), case.name
        else:
            assert verify(there) == [], case.name
        assert server.sent <= 10 * case.declared + 2 * BUFFERS, case.name
        try:
            run_push(source, "s3://models/a", Options(quiet=True))
        except TransferError as error:
            told(error, case.name)
    assert number > 60


LIES = {
    "nothing": "",
    "no end": "yes xxxxxxxxxxxxxxxx | head -c 200000000",
    "no facts": "printf 'a b c\\0\\0'",
    "words": "printf 'mode many soon inode detect/1/x\\0\\0'",
    "huge numbers": "printf '81a4 99999999999999999999 1 1 a/config.pbtxt\\0\\0'",
    "too many texts": "printf '1\\0 2\\0 3\\0\\0'",
    "an escape": "printf '81a4 \\033[2J 1 1 a\\0\\0'",
    "no UTF-8": "printf '81a4 5 1 1 \\377\\376\\0\\0'",
    "a name that leads out": "printf '81a4 5 1 1 ../../x\\0\\0'",
    "an empty name": "printf '81a4 5 1 1 \\0\\0'",
    "a refusal": "printf '\\033[2Jno\\n\\n' >&2; exit 97",
    "an end": "exit 3",
}
KUBECTL = r"""#!/bin/sh
case " $* " in
*" exec "*) %s ;;
*) exec "%s" -ISE "%s" "$@" ;;
esac
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("lie", LIES)
def test_every_lie_of_a_claims_pod_is_one_sentence(
    cluster: object, source: Path, tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_module, "_ATTEMPTS", 2)
    monkeypatch.setattr(claim_module, "MAXIMUM_BYTES", 1 << 20)
    program = tmp_path / "cluster/bin/kubectl"
    slow = Path(__file__).parent / "claim" / "kubectl_standin.py"
    program.write_text(KUBECTL % (LIES[lie] or ":", sys.executable, slow))
    options = Options(quiet=True, cluster=CLUSTER)
    calls: tuple[Callable[[], str], ...] = (
        lambda: run_pull("pvc:model-repository/models", tmp_path / "there", options),
        lambda: run_push(source, "pvc:model-repository/models", options),
    )
    for act in calls:
        with pytest.raises(TransferError) as caught:
            act()
        told(caught.value, lie)
    assert not (tmp_path / "there").exists()


def test_a_pod_that_does_not_answer_is_given_up(
    cluster: object, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_module, "_ANSWERED", 0.2)
    program = tmp_path / "cluster/bin/kubectl"
    slow = Path(__file__).parent / "claim" / "kubectl_standin.py"
    program.write_text(KUBECTL % ("exec sleep 600", sys.executable, slow))
    with pytest.raises(TransferError, match="within 0 seconds"):
        run_push(source, "pvc:model-repository/models", Options(quiet=True, cluster=CLUSTER))


@pytest.mark.parametrize(
    "answer",
    ["null", "[]", '{"status": 5}', '{"spec": {"accessModes": {}}}', "[" * 9999, "\x1b[2J"],
)
def test_an_api_server_that_lies_is_one_sentence(
    cluster: object, source: Path, tmp_path: Path, answer: str
) -> None:
    program = tmp_path / "cluster/bin/kubectl"
    (tmp_path / "answer").write_text(answer)
    program.write_text(f'#!/bin/sh\nexec cat "{tmp_path / "answer"}"\n')
    with pytest.raises(TransferError) as caught:
        run_push(source, "pvc:model-repository/models", Options(quiet=True, cluster=CLUSTER))
    told(caught.value, answer)
    assert pod_module.LIFETIME
