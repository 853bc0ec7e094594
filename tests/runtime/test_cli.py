"""``python -m runtime``, as a user and a script run it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from repository.manifest.schema import FIELDS, MANIFEST, SCHEMA, digest_of
from repository.places import ROOT
from runtime import processes
from runtime.cli import main
from runtime.options.admin import GROUPS
from runtime.server.control import Control
from tests.runtime.fixtures import PythonModel, WaitUntil
from tests.runtime.serving import FREE_PORTS, Serving
from tests.taken import wait_until_taken

ENGINE = """#!{python}
import json, os, sys
with open({record!r}, "a") as record:
    record.write(json.dumps(sys.argv) + "\\n")
call = len(open({record!r}).readlines())
if str(call) == os.environ.get("ENGINE_WAITS_AT"):
    import signal, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    open({record!r} + ".waits", "w").write(str(os.getpid()))
    time.sleep(600)
codes = json.loads(os.environ.get("ENGINE_CODES", "{{}}"))
sys.exit(codes.get(str(call), 0))
"""


def runtime(
    *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        timeout=120,
    )


def write_manifest(folder: Path, *, device: str = "cpu") -> None:
    """What a build would have written for the files that there are."""
    document: dict[str, object] = {name: kind() for name, kind in FIELDS.items()}
    document |= {
        "schema": SCHEMA,
        "kit": {"name": "triton-multimodal-kit", "version": "0.1.0"},
        "target": {"triton": "24.10", "device": device, "precision": "fp32"},
        "files": {
            str(path.relative_to(folder)): {
                "sha256": sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in folder.rglob("*")
            if path.is_file()
        },
    }
    document["digest"] = digest_of(document)
    (folder / MANIFEST).write_text(json.dumps(document))


@pytest.fixture
def repository(tmp_path: Path, python_model: PythonModel) -> Path:
    folder = tmp_path / "models"
    python_model(folder, "sleeper")
    write_manifest(folder)
    return folder


@pytest.fixture
def serving(repository: Path, tmp_path: Path) -> Iterator[Serving]:
    """A ready server of the repository, started from the command line with free ports."""
    started = Serving([str(repository), *FREE_PORTS], tmp_path / "log")
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        assert started.process.stdout is not None
        started.process.stdout.close()


class Engine:
    """A stand-in for docker and podman that records what it is called with.

    Args:
        folder: holds the executables and the record.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder / "record"
        for name in ("docker", "podman"):
            text = ENGINE.format(python=sys.executable, record=str(self._record))
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.path = {"PATH": f"{folder}:{os.environ['PATH']}"}

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._record.read_text().splitlines()]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Engine(folder)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_server_and_the_exit_code_is_0(serving: Serving, number: int) -> None:
    assert serving.message[0].startswith("Triton 2.51.0 is ready after")
    assert serving.address("HTTP").startswith("http://127.0.0.1:")
    assert serving.address("metrics").endswith("/metrics")
    assert "sleeper" in serving.message[-1]
    serving.process.send_signal(number)
    assert serving.process.wait(timeout=60) == 0
    log = serving.log.read_text()
    assert "successfully loaded 'sleeper'" in log
    assert "CUDA" not in log
    assert "Traceback" not in log


@pytest.mark.thorough
def test_a_second_signal_ends_it_at_once(repository: Path, tmp_path: Path) -> None:
    serving = Serving([str(repository), *FREE_PORTS, "--exit-seconds=7200"], tmp_path / "log")
    try:
        serving.wait_until_ready()
        end_twice(serving)
    finally:
        serving.end()


def end_twice(serving: Serving) -> None:
    """Sends two signals while requests are under way that would take ten minutes."""
    address = serving.address("HTTP").removeprefix("http://")
    slow = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, http.client\n"
            "for c in [http.client.HTTPConnection(sys.argv[1], timeout=100) for _ in range(2)]:\n"
            "    c.request('POST', '/v2/models/sleeper/infer',"
            ' \'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[600]}]}\')\n'
            "c.getresponse()",
            address,
        ],
        stderr=subprocess.DEVNULL,
    )
    metrics = serving.address("metrics").removeprefix("http://").removesuffix("/metrics")
    # One runs, and another waits.
    wait_until_taken(metrics, "sleeper", 1)
    assert Control(address).is_live()
    serving.process.send_signal(signal.SIGINT)
    serving.wait_until_told("Ctrl-C again stops it at once")
    assert serving.process.poll() is None
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(timeout=120) == 0
    slow.communicate(timeout=60)


def test_a_changed_repository_is_refused_with_every_finding(repository: Path) -> None:
    (repository / "sleeper" / "1" / "model.py").write_text("import os")
    (repository / "sleeper" / "more").touch()
    done = runtime("serve", str(repository), *FREE_PORTS)
    assert done.returncode == 1
    assert "changed-file" in done.stderr
    assert "sleeper/more" in done.stderr
    assert "--no-verify" in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    done = runtime("serve", str(tmp_path / "nope"))
    assert done.returncode == 1
    assert (
        "nope is not a folder; name a model repository (`python -m builders build`" in done.stderr
    )
    assert "--no-verify" not in done.stderr


def test_a_repository_without_a_manifest_is_refused_and_a_group_closed_unless_told_otherwise(
    repository: Path, tmp_path: Path
) -> None:
    (repository / MANIFEST).unlink()
    refused = runtime("serve", str(repository), *FREE_PORTS)
    assert refused.returncode == 1
    assert "manifest.json" in refused.stderr
    arguments = [str(repository), *FREE_PORTS, "--no-verify", "--open=model-repository"]
    serving = Serving(arguments, tmp_path / "log")
    try:
        serving.wait_until_ready()
        stranger = Control(serving.address("HTTP").removeprefix("http://"))
        assert [each.name for each in stranger.index()] == ["sleeper"]
        serving.process.terminate()
        assert serving.process.wait(timeout=60) == 0
    finally:
        serving.process.kill()


@pytest.mark.thorough
def test_a_model_that_does_not_load_is_a_failure(
    repository: Path, python_model: PythonModel
) -> None:
    python_model(repository, "broken", work="1 +")
    done = runtime("serve", str(repository), "--no-verify", *FREE_PORTS)
    assert done.returncode == 1
    assert "1 model(s) did not load:\n  broken: " in done.stderr
    assert "is ready" not in done.stdout


@pytest.mark.parametrize("engine", ["local", "docker"])
def test_a_model_that_is_not_there_is_refused_with_the_nearest(
    repository: Path, engine: str
) -> None:
    arguments = ("serve", str(repository), f"--engine={engine}")
    dry = ("--dry-run",) if engine == "docker" else FREE_PORTS
    done = runtime(*arguments, *dry, "--model=sleper")
    assert done.returncode == 1
    assert "There is no model 'sleper'; did you mean 'sleeper'?" in done.stderr
    assert f"{repository} has: sleeper." in done.stderr
    assert done.stdout == ""


def test_wrong_usage_is_exit_code_2(repository: Path) -> None:
    assert runtime("serve", str(repository), "--dry-run").returncode == 2
    assert runtime("serve", str(repository), "--engine=chroot").returncode == 2
    assert runtime("serve", str(repository), "--engine=docker", "--http-port=0").returncode == 2
    assert runtime("serve", "--engine=docker", "--runtime-metrics-port=0").returncode == 2


@pytest.mark.parametrize("option", ["--probe-seconds", "--hang-seconds", "--exit-seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "1e300", "-1"])
def test_a_time_that_cannot_be_waited_for_is_wrong_usage(
    option: str, value: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(tmp_path), f"{option}={value}"])
    assert ended.value.code == 2
    assert option in capsys.readouterr().err


def test_a_name_that_cannot_be_printed_is_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a\x1b[2J\u202eb").mkdir()
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(tmp_path), "--no-verify", "--engine=docker", "--dry-run", "--model=b"])
    assert ended.value.code == 1
    assert "has: a\\x1b[2J\\u202eb." in capsys.readouterr().err


def closing(protocol: str, command: Sequence[str]) -> str:
    """The option that closes groups of calls."""
    (found,) = (each for each in command if each.startswith(f"--{protocol}-restricted-"))
    return found


@pytest.mark.sampled(1)
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_container_closes_what_a_local_server_closes(repository: Path, protocol: str) -> None:
    arguments = ("serve", str(repository), "--engine=docker", "--image=mine", "--dry-run")
    command = shlex.split(runtime(*arguments, "--host=localhost").stdout)
    assert "127.0.0.1:8000:8000" in command
    assert "=model-repository,shared-memory,trace,logging:" in closing(protocol, command)
    command = shlex.split(runtime(*arguments, "--open=trace", "--open=logging").stdout)
    assert "=model-repository,shared-memory:" in closing(protocol, command)
    command = shlex.split(runtime(*arguments, *(f"--open={group}" for group in GROUPS)).stdout)
    assert command[command.index("mine") + 1] == "tritonserver"
    assert not any("restricted" in each for each in command)


def test_what_is_open_is_called_dangerous_and_an_unknown_group_is_wrong_usage() -> None:
    told = runtime("serve", "--help", environment={"COLUMNS": "200"}).stdout
    (line,) = (line for line in told.splitlines() if "DANGEROUS" in line)
    assert "--open" in line
    assert runtime("serve", "--open=everything").returncode == 2


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_container_engine_builds_the_image_and_runs_it(
    repository: Path, engine: Engine, name: str
) -> None:
    arguments = (
        "serve",
        str(repository),
        f"--engine={name}",
        "--http-port=9000",
        "--model=sleeper",
    )
    done = runtime(*arguments, "--", "--log-verbose=1", environment=engine.path)
    assert done.returncode == 0, done.stderr
    build, run = engine.calls()
    assert build[1] == "build"
    assert "TRITON_RELEASE=24.10" in build
    assert Path(build[-1], "requirements.txt").is_file()
    assert Path(build[build.index("--file") + 1]).is_file()
    image = build[build.index("--tag") + 1]
    options, started = run[2 : run.index(image)], run[run.index(image) + 1 :]
    command = started[4:]
    assert "127.0.0.1:9000:8000" in options
    assert f"type=bind,source={repository},target=/models,readonly" in options
    assert "--shm-size" in options
    assert "--gpus" not in options
    assert command[0] == "tritonserver"
    assert "--log-verbose=1" in command
    # The command as the image's shell runs it, with the key that it makes.
    shown = subprocess.run(
        [*started[:4], "printf", "%s\\n", *command[1:], "it's a $HOME"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    key = shown[command.index(closing("http", command)) - 1].partition("admin-key=")[2]
    assert len(key) == 64
    assert int(key, 16)
    expected = [each.replace("{admin-key}", key) for each in (*command[1:], "it's a $HOME")]
    assert shown == expected
    assert "{admin-key}" not in "".join(shown)
    assert "--load-model=sleeper" in command
    printed = runtime(*arguments, "--dry-run", "--", "--log-verbose=1", environment=engine.path)
    assert len(printed.stdout.splitlines()) == 2
    assert len(engine.calls()) == 2


@pytest.mark.parametrize(
    ("name", "option"), [("docker", "--gpus all"), ("podman", "--device nvidia.com/gpu=all")]
)
def test_a_repository_for_a_gpu_gets_one(repository: Path, name: str, option: str) -> None:
    (repository / MANIFEST).unlink()
    write_manifest(repository, device="gpu")
    done = runtime("serve", str(repository), f"--engine={name}", "--image=mine", "--dry-run")
    (command,) = done.stdout.splitlines()
    assert option in command
    assert " mine sh -c " in command
    assert " tritonserver --model-repository=/models " in command


def test_an_engine_that_fails_is_a_failure_with_its_command(
    repository: Path, engine: Engine
) -> None:
    arguments = ("serve", str(repository), "--engine=docker")
    done = runtime(*arguments, environment=engine.path | {"ENGINE_CODES": '{"1": 1}'})
    assert done.returncode == 1
    assert "docker ended with exit code 1; the command was: docker build" in done.stderr
    assert len(engine.calls()) == 1


def test_a_container_whose_server_died_is_run_again_and_given_up_in_the_end(
    repository: Path, engine: Engine
) -> None:
    arguments = ("serve", str(repository), "--engine=docker", "--restarts=2")
    died = {"ENGINE_CODES": '{"2": 139, "3": 137}'}
    done = runtime(*arguments, environment=engine.path | died)
    assert done.returncode == 0, done.stderr
    assert (
        "ended by signal 11 (SIGSEGV); a request may have done that. It is run again now."
        in done.stderr
    )
    _, first, second, third = engine.calls()
    assert first == second == third
    always = {"ENGINE_CODES": json.dumps({str(call): 139 for call in range(20)})}
    done = runtime(*arguments, "--image=mine", environment=engine.path | always)
    assert done.returncode == 1
    assert "docker ended with exit code 139 (Triton was ended by signal 11 (SIGSEGV)" in done.stderr
    assert len(engine.calls()) == 4 + 3


def test_what_an_engine_cannot_do_is_not_tried_again(repository: Path, engine: Engine) -> None:
    arguments = ("serve", str(repository), "--engine=podman")
    done = runtime(*arguments, environment=engine.path | {"ENGINE_CODES": '{"2": 125}'})
    assert done.returncode == 1
    assert "podman ended with exit code 125; the command was: podman run" in done.stderr
    assert len(engine.calls()) == 2


@pytest.mark.parametrize("call", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_engine_does_not_outlive_what_started_it(
    repository: Path, engine: Engine, wait_until: WaitUntil, number: int, call: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime", "serve", str(repository), "--engine=docker"],
        cwd=ROOT,
        env=os.environ | engine.path | {"ENGINE_WAITS_AT": str(call)},
        # Ignored, as under nohup, it would be ignored there too.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    try:
        waits = engine.folder / "record.waits"
        wait_until(lambda: waits.exists() and waits.read_text() != "")
        process.send_signal(number)
        assert process.wait(timeout=60) == (0 if number != signal.SIGKILL else -9)
        wait_until(lambda: not processes.is_running(int(waits.read_text())))
        assert len(engine.calls()) == call
    finally:
        process.kill()
        process.wait()


def test_an_engine_that_is_not_there(repository: Path) -> None:
    done = runtime("serve", str(repository), "--engine=podman", environment={"PATH": "/nowhere"})
    assert done.returncode == 1
    assert "There is no podman on PATH" in done.stderr


def test_the_container_file_takes_the_stages_part_of_the_requirements() -> None:
    folder = ROOT / "runtime"
    command = "sed -n '/^# stages:/,$p' requirements.txt"
    assert command in (folder / "Containerfile").read_text()
    part = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    names = {line.partition("==")[0] for line in part.splitlines() if "==" in line}
    assert names == {
        "cffi",
        "flashlight-text",
        "flatbuffers",
        "jinja2",
        "markupsafe",
        "onnxruntime",
        "opencv-python-headless",
        "packaging",
        "pillow",
        "protobuf",
        "pycparser",
        "soundfile",
        "soxr",
        "tokenizers",
        "typing-extensions",
    }


def test_help_has_examples() -> None:
    done = runtime("serve", "--help")
    assert done.returncode == 0
    assert "python -m runtime serve" in done.stdout
