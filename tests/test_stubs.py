"""The stubs say what the installed tritonclient and ONNX Runtime have."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STUBS = ROOT / "stubs"

MODULES = (
    *(f"tritonclient.{each}" for each in ("grpc", "http", "utils", "_client", "_plugin")),
    *("tritonclient._request", "onnxruntime"),
)
"""With the modules below them."""

ALLOWED = r"""
# protobuf's metaclasses; these stubs are compared with what the script writes.
tritonclient\.grpc\.(model_config|service)_pb2.*
# pybind11's metaclasses, and an __init__ that it gives to what nobody makes.
onnxruntime\.(ExecutionMode|GraphOptimizationLevel|NodeArg|RunOptions|SessionOptions)
onnxruntime\.NodeArg\.__init__
"""
"""What stubtest does not understand."""


def test_the_protobufs_stubs_are_those_of_the_installed_tritonclient(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, STUBS / "make.py", "--out", tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [Path(line).relative_to(tmp_path) for line in made.stdout.splitlines()]
    assert len(names) == 3
    stale = [str(name) for name in names if (tmp_path / name).read_text() != _text(STUBS / name)]
    assert not stale, (
        f"{', '.join(stale)}: expected the stubs of the installed tritonclient, found others; "
        "run `python stubs/make.py` and commit what it writes"
    )


@pytest.mark.thorough
def test_the_written_stubs_have_the_installed_signatures(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(ALLOWED)
    settings = tmp_path / "mypy.ini"
    settings.write_text(f"[mypy]\nmypy_path = {STUBS}\n")
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy.stubtest", "--concise", "--ignore-missing-stub"),
            *("--allowlist", allowed, "--mypy-config-file", settings),
            *MODULES,
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
