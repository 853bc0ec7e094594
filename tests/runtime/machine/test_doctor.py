import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime.machine import doctor, look
from runtime.machine.doctor import GIB, MIB, Outcome, run_checks
from runtime.machine.look import Gpu, Machine
from tests.ports import kept_port

H200 = Gpu(name="NVIDIA H200", memory_mib=143771, capability="9.0", driver="575.57.08")

FIT = Machine(
    system="Linux x86_64",
    python=(3, 11, 7),
    libpython="libpython3.11.so.1.0",
    has_libpython=True,
    glibc=(2, 36),
    disk_free=100 * GIB,
    memory_available=16 * GIB,
    shm_free=8 * GIB,
    server="current",
    ports_taken={},
    gpus=(),
    gpu_problem="",
    tensorrt="",
    tensorrt_problem="",
)


def test_a_fit_machine_needs_nothing() -> None:
    checks = run_checks(FIT)
    assert {check.outcome for check in checks} == {Outcome.OK}
    assert not any(check.remedy for check in checks)
    assert [check.name for check in checks] == [
        "system",
        "Python",
        "libpython",
        "glibc",
        "disk",
        "memory",
        "/dev/shm",
        "server environment",
        "ports",
        "GPU",
        "TensorRT",
    ]


@pytest.mark.parametrize(
    ("facts", "name", "outcome", "found", "remedy"),
    [
        ({"system": "Darwin arm64"}, "system", "error", "Darwin arm64", "in a container"),
        ({"python": (3, 10, 2)}, "Python", "error", "3.10.2", "Python 3.11 or 3.12"),
        ({"python": (3, 13, 0)}, "Python", "error", "3.13.0", "Python 3.11 or 3.12"),
        (
            {"has_libpython": False},
            "libpython",
            "error",
            "no libpython3.11.so.1.0",
            "apt-get install libpython3.11",
        ),
        ({"glibc": (2, 31)}, "glibc", "error", "2.31", "Debian 12"),
        ({"glibc": None}, "glibc", "error", "another C library", "Debian 12"),
        ({"disk_free": 3 * GIB}, "disk", "warning", "3.0 GiB free", "Free some space"),
        ({"disk_free": 100 * MIB}, "disk", "error", "0.1 GiB free", "Free some space"),
        ({"memory_available": 2 * GIB}, "memory", "warning", "2.0 GiB available", "instances"),
        ({"memory_available": 0}, "memory", "error", "0.0 GiB available", "instances"),
        ({"shm_free": 64 * MIB}, "/dev/shm", "warning", "64.0 MiB", "--shm-size=1g"),
        ({"shm_free": 6 * MIB}, "/dev/shm", "error", "6.0 MiB", "--shm-size=1g"),
        ({"shm_free": None}, "/dev/shm", "error", "none", "mount -t tmpfs"),
        ({"server": "absent"}, "server environment", "warning", "not", "runtime install"),
        ({"server": "stale"}, "server environment", "warning", "other", "runtime install"),
        (
            {"ports_taken": {8000: "nginx (process 7)", 8002: "another process"}},
            "ports",
            "warning",
            "8000 (HTTP) is taken by nginx (process 7); 8002 (metrics) is taken by another",
            "serve --http-port 0 --metrics-port 0'",
        ),
        ({"gpus": (H200,), "tensorrt": "11.4.0"}, "GPU", "ok", "NVIDIA H200, 143771 MiB", ""),
        ({"gpu_problem": "nvidia-smi ended with code 9"}, "GPU", "warning", "code 9", "driver"),
        ({"gpus": (H200,)}, "TensorRT", "warning", "none", ".[tensorrt]'."),
        ({"gpus": (H200,), "tensorrt": "11.4.0.106"}, "TensorRT", "ok", "11.4.0.106", ""),
        (
            {"tensorrt": "11.4.0.106", "tensorrt_problem": "no libnvinfer"},
            "TensorRT",
            "warning",
            "no libnvinfer",
            "Install it again",
        ),
    ],
)
def test_each_lack_is_one_finding_with_its_remedy(
    facts: dict[str, Any], name: str, outcome: str, found: str, remedy: str
) -> None:
    checks = run_checks(replace(FIT, **facts))
    check = next(check for check in checks if check.name == name)
    assert check.outcome == outcome
    assert found in check.found
    assert remedy in check.remedy
    assert bool(check.remedy) == (outcome != "ok")
    assert check.remedy in str(check)
    if not {"gpus", "tensorrt"} & facts.keys():
        assert [c.name for c in checks if c.outcome is not Outcome.OK] == [name]


def test_this_machine_can_be_looked_at() -> None:
    here = look.look()
    assert here.python == sys.version_info[:3]
    assert here.disk_free > 0
    assert here.memory_available > 0
    assert len(doctor.run_checks()) == 11


def test_a_taken_port_names_its_process() -> None:
    with kept_port() as port:
        with socket.create_server(("127.0.0.1", port)):
            assert f"(process {os.getpid()})" in look._holder(port)
        assert look._holder(port) == ""


def test_a_port_of_all_addresses_is_taken_too() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert look._holder(server.getsockname()[1])


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [
        ("max", "5", None),
        (str(2 * GIB), str(GIB), 3 * GIB // 2),
        ("gone", "5", None),
        (str(2**60), "0", None),
    ],
)
def test_a_containers_memory_limit_counts(
    tmp_path: Path, limit: str, used: str, expected: int | None
) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text(used + "\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {GIB // 2}\nslab 1\n")
    found = look.memory_available(tmp_path)
    if expected is None:  # this machine's own
        assert found > 100 * MIB
    else:
        assert found == min(expected, look.memory_available(tmp_path / "none"))


def test_no_shared_memory_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert look._shm_free(tmp_path / "no") is None
    assert look._shm_free(tmp_path)


def test_an_environment_without_its_stamp_is_stale(tmp_path: Path) -> None:
    assert look._server(tmp_path / "no") == "absent"
    assert look._server(tmp_path) == "stale"


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the driver's tool, first on PATH; a test writes its script."""
    tool = tmp_path / "nvidia-smi"
    tool.touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tool


def test_gpus_are_read_from_nvidia_smi(nvidia_smi: Path) -> None:
    nvidia_smi.write_text(
        '#!/bin/sh\n[ "$1" = --query-gpu=name,memory.total,compute_cap,driver_version ] || exit 2\n'
        'echo "NVIDIA H200, 143771, 9.0, 575.57.08"\necho "NVIDIA H200, 143771, 9.0, 575.57.08"\n'
    )
    assert look.gpus() == ((H200, H200), "")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo NVIDIA-SMI has failed >&2; exit 9", "ended with code 9: NVIDIA-SMI has failed"),
        ("echo No devices were found", "says 'No devices were found'"),
    ],
)
def test_a_broken_driver_is_a_problem(nvidia_smi: Path, script: str, problem: str) -> None:
    nvidia_smi.write_text(f"#!/bin/sh\n{script}\n")
    gpus, found = look.gpus()
    assert gpus == ()
    assert problem in found


def test_no_driver_is_no_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert look.gpus() == ((), "")


@pytest.mark.parametrize(
    ("module", "version", "problem"),
    [
        ("__version__ = '11.4.0.106'", "11.4.0.106", ""),
        ("raise ImportError('libnvinfer.so.11: cannot open')", "11.4", "libnvinfer.so.11"),
        ("import os; os.abort()", "11.4", "code -6"),
    ],
)
def test_tensorrt_is_tried_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, version: str, problem: str
) -> None:
    (tmp_path / "tensorrt.py").write_text(module)
    info = tmp_path / "tensorrt_cu13-11.4.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: tensorrt-cu13\nVersion: 11.4\n")
    (info / "top_level.txt").write_text("tensorrt\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found, why = look._tensorrt()
    assert found == version
    assert problem in why
    assert bool(why) == bool(problem)


def test_looking_loads_nothing_heavy() -> None:
    code = (
        "import sys; from runtime.machine.doctor import run_checks; run_checks()\n"
        "print([m for m in ('torch', 'onnx', 'onnxruntime', 'numpy', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_an_amount_of_gibibytes_is_told_in_them() -> None:
    assert doctor._amount("/dev/shm", 24 * GIB, MIB, 256 * MIB, "").found == "24.0 GiB free"
