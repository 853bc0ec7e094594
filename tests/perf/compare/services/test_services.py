"""Starting and ending services: what is refused, what fails, and that nothing stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.compare.services import Gateway, Services, StepServers, kserve_environment
from perf.compare.services.plan import Plan, Tensor, read_plan
from perf.errors import LegFailed
from repository.copied.flow import Ends, Wiring
from repository.places import ROOT
from runtime import processes
from runtime.machine.environment import ServerEnvironment
from tests.waiting import until

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
TENSORS = st.lists(
    st.builds(
        Tensor,
        name=NAMES,
        datatype=st.sampled_from(["UINT8", "BYTES"]),
        shape=st.lists(st.integers(-1, 9)).map(tuple),
        optional=st.booleans(),
    )
).map(tuple)
DIMS = st.dictionaries(NAMES, st.lists(st.integers(-1, 9)))
MAPS = st.dictionaries(NAMES, NAMES)


@settings(max_examples=30)
@given(
    st.builds(
        Plan,
        pipeline=NAMES,
        inputs=TENSORS,
        outputs=TENSORS,
        steps=st.lists(st.builds(Wiring, NAMES, MAPS, MAPS, st.booleans(), DIMS)).map(tuple),
        ends=st.builds(Ends, st.booleans(), DIMS),
        config=NAMES,
    )
)
def test_a_plan_reaches_the_gateway_as_it_was_on_one_line(plan: Plan) -> None:
    assert Plan.from_json(plan.to_json()) == plan
    assert "\n" not in plan.to_json()


def test_a_batching_pipelines_tensors_have_the_batchs_axis(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "config.pbtxt").write_text(
        'platform: "ensemble" max_batch_size: 8 input { name: "x" data_type: TYPE_FP16 dims: 3 } '
        'output { name: "y" data_type: TYPE_STRING dims: [-1] } ensemble_scheduling { step { '
        'model_name: "m" input_map { key: "x" value: "x" } output_map { key: "y" value: "y" } } }'
    )
    plan = read_plan(tmp_path, "p")
    assert plan.inputs == (Tensor("x", "FP16", (-1, 3)),)
    assert plan.outputs == (Tensor("y", "BYTES", (-1, -1)),)


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("nowhere", "There is no model 'nowhere'"),
        ("split", "'split' is not an ensemble"),
        ("streams", "'streams' is decoupled"),
        ("stuck", "nothing before them writes ['never']"),
        ("torn", "The config of 'torn' cannot be read: torn/config.pbtxt:2"),
    ],
)
def test_what_cannot_be_served_apart_is_refused_before_a_server_starts(
    repository: Path, pipeline: str, words: str
) -> None:
    with pytest.raises(LegFailed) as refused:
        Services(repository, pipeline)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("lame", ["Step 'broken'", "no such dictionary"]),
        ("lost", ["Step 'nowhere'", "model not found"]),
    ],
)
def test_a_step_that_does_not_load_is_named_with_tritons_reason(
    repository: Path, server_environment: ServerEnvironment, pipeline: str, words: list[str]
) -> None:
    steps = StepServers(repository, pipeline, environment=server_environment)
    with pytest.raises(LegFailed) as failed, steps:
        pass
    assert all(word in str(failed.value) for word in words), failed.value
    assert "\n" not in str(failed.value)
    assert not any(server.is_running() for server in steps.servers.values())


def test_a_gateway_that_does_not_start_says_why(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An environment that has no kserve.
    monkeypatch.setattr(kserve_environment, "install", lambda: Path(sys.prefix))
    with (
        pytest.raises(LegFailed, match=r"The kserve gateway ended as it started: .*No module"),
        Gateway(read_plan(repository, "one"), {"double": "127.0.0.1:1"}, kind="kserve"),
    ):
        pass


def test_a_gateway_is_not_started_by_hand() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "perf.compare.services.gateway_tritonclient"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr == "a gateway is started by perf.compare.services, which says what to serve\n"
    )


OWNER = """
import json, sys, time
from pathlib import Path
from perf.compare.services import Gateway, StepServers
with StepServers(Path(sys.argv[1]), "one") as steps:
    with (
        Gateway(steps.plan, steps.addresses) as first,
        Gateway(steps.plan, steps.addresses, kind="kserve") as second,
    ):
        pids = [pid for find in steps.parts.values() for pid in find()]
        print(json.dumps(pids + [first.pid, second.pid]), flush=True)
        {then}
"""


@pytest.mark.thorough
@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)],
    ids=["killed", "interrupted"],
)
def test_everything_ends_with_its_owner(repository: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER.replace("{then}", "time.sleep(600)"), str(repository)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # The suite may run in the background, where Ctrl-C is ignored and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    ) as owner:
        assert owner.stdout is not None
        pids = json.loads(owner.stdout.readline())
        assert len(pids) == 5 and all(map(processes.is_running, pids))
        owner.send_signal(number)
        owner.wait()
    until(lambda: not any(map(processes.is_running, pids)))


@pytest.mark.slow
def test_kserves_environment_is_made_once_and_anew_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told = tmp_path / ".venv-kserve", list[str]()
    good = kserve_environment.REQUIREMENTS
    bad = tmp_path / "requirements.txt"
    bad.write_text(f"{tmp_path}/missing.whl\n")
    monkeypatch.setattr(kserve_environment, "REQUIREMENTS", bad)
    with pytest.raises(LegFailed, match=r"could not be made: ERROR: .*missing\.whl.*To repeat it"):
        kserve_environment.install(folder, report=told.append)
    monkeypatch.setattr(kserve_environment, "REQUIREMENTS", good)
    assert kserve_environment.install(folder, report=told.append) == folder
    assert len(told) == 2
    assert kserve_environment.install(folder, report=told.append) == folder
    assert len(told) == 2
    subprocess.run([folder / "bin" / "python3", "-c", "import kserve"], check=True)
