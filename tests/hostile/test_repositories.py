"""Hostile repositories: what the check says of each, and what a real server does with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tritonclient.grpc as triton_grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from repository.check.check import check_repository
from repository.check.files.completed import Target
from repository.check.rules import RULES, Triton
from repository.findings import Finding, errors
from repository.release import release
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from tests.hostile.repositories import Hostile, repositories
from tests.hostile.writing import CONFIG, model

ALL = list(repositories())
RELEASE = release("24.10")
CLASS = re.compile(r"\b\w+(?:Error|Exception)\b|\bErrno\b")
WAIT = 10.0
"""Seconds after which a load is taken to wait for ever."""

LATER = {
    "backend that there is not",
    "no GPU of that number",
}
"""What a server refuses for what it lacks: no check of files can know."""

OTHERWISE = {
    "a name that is no UTF-8": "no client can name it",
}
"""What the check refuses and a server loads."""


def judged(folder: Path, hostile: Hostile) -> list[Finding]:
    folder.mkdir(exist_ok=True)
    hostile.make(folder)
    return check_repository(folder, RELEASE)


def test_there_are_many_and_each_has_a_name() -> None:
    assert len(ALL) >= 100
    assert len({hostile.name for hostile in ALL}) == len(ALL)


@pytest.mark.sampled(40)
@pytest.mark.parametrize("hostile", ALL, ids=lambda hostile: hostile.name)
def test_the_check_says_what_is_wrong(tmp_path: Path, hostile: Hostile) -> None:
    """Soon, in lines that can be printed, and without a traceback."""
    found = judged(tmp_path / "models", hostile)
    assert {each.rule for each in errors(found)} == hostile.rules
    completed = check_repository(tmp_path / "models", RELEASE, target=Target.DEFAULT)
    for each in (*found, *completed):
        assert str(each).isprintable() and str(each).encode() and len(str(each)) < 8500
        assert each.rule in RULES or each.rule.startswith("onnx-")
        assert not CLASS.search(str(each)), "it says which class of Python's an error is of"


def verdict(server: LocalServer, repository: Path) -> str:
    """What became of the models, the worst of them: loads, refuses, hangs or dies."""
    worst = "loads"
    for path in sorted(repository.iterdir()):
        if not path.is_dir() or path.name != path.name.encode(errors="replace").decode():
            continue  # no client can name it
        with triton_grpc.InferenceServerClient(server.grpc) as client:
            try:
                client.load_model(path.name, client_timeout=WAIT)
                continue
            except InferenceServerException as error:
                said = str(error)
        if not lives(server):
            return "dies"
        if "DEADLINE_EXCEEDED" in said:
            return "hangs"
        worst = "refuses"
    return worst


def lives(server: LocalServer) -> bool:
    """Whether the server answers; one that ends takes a moment to."""
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        if not server.is_running() or not server.control.is_live():
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    "hostile", [each for each in ALL if not each.heavy], ids=lambda hostile: hostile.name
)
def test_no_server_breaks_over_what_the_check_passes(
    tmp_path: Path, hostile: Hostile, serve: Callable[..., LocalServer]
) -> None:
    found = errors(judged(tmp_path / "models", hostile))
    became = verdict(serve(tmp_path / "models", load=()), tmp_path / "models")
    if hostile.name in LATER:
        assert (became, found) == ("refuses", [])
    elif not found:
        assert became == "loads"
    elif hostile.name not in OTHERWISE and became == "loads":
        # What the check alone refuses, it says to be its own.
        whole = [each for each in found if each.rule != "broken-link"]
        assert all(
            each.rule.startswith("onnx-") or RULES[each.rule].triton is Triton.LOADS
            for each in whole
        )


def test_a_broken_link_among_the_models_hides_them_all(
    tmp_path: Path, serve: Callable[..., LocalServer]
) -> None:
    model(tmp_path)
    (tmp_path / "gone").symlink_to("nowhere")
    server = serve(tmp_path)
    with pytest.raises(CallFailed, match="gone"):
        server.control.index()
    assert not server.control.is_ready("m")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=300),
    st.one_of(st.none(), st.integers(0, len(CONFIG))),
    st.sampled_from(["config.pbtxt", "1/model.py"]),
)
def test_no_bytes_end_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int | None, name: str
) -> None:
    folder = tmp_path_factory.mktemp("noise")
    model(folder)
    path = folder / "m" / name
    text = b"" if place is None else path.read_bytes()
    place = min(place or 0, len(text))
    path.write_bytes(text[:place] + noise + text[place:])
    for each in check_repository(folder, RELEASE):
        assert str(each).isprintable()
