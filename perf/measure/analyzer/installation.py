"""Fetches a perf_analyzer that runs here, verifies it, and says what it did.

From glibc 2.38 on, the wheel ``perf-analyzer`` works alone. On an older glibc the last one that
runs is in the wheel ``tritonclient==2.51.0``. It lacks two libraries, libb64 and libcudart; the
local server's wheel has both under other names. Every file is compared with the SHA-256 that is
pinned here. It is made aside and renamed, so a killed installation leaves nothing in the way.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from perf.errors import AnalyzerMissing
from perf.measure.analyzer import places
from perf.measure.analyzer.analyzer import Analyzer
from repository.children import ending_with_parent
from repository.files.bounded_file import Unreadable
from repository.files.json_file import read_json
from runtime.errors import RuntimeFailure
from runtime.machine.environment import ServerEnvironment
from runtime.machine.install import install as install_server
from runtime.machine.needs import check_machine
from runtime.machine.turns import one_at_a_time

Report = Callable[[str], None]

STAMP = "stamp.json"


@dataclass(frozen=True)
class Source:
    """Where a perf_analyzer comes from.

    Attributes:
        requirement: of the wheel, pinned.
        wheel_sha256: of the wheel.
        member: the binary within it.
        sha256: of the binary.
        libraries: the name under which it looks for a library -> the file among those of the
            server environment, and its SHA-256.
    """

    requirement: str
    wheel_sha256: str
    member: str
    sha256: str
    libraries: Mapping[str, tuple[str, str]] = field(default_factory=dict)


NEW = Source(
    requirement="perf-analyzer==2.60.0",
    wheel_sha256="23ef56b107ae9233e5cf09fbdf508dd9b936a52f1bae2f63f53c8117087b3f25",
    member="perf_analyzer/bin/perf_analyzer",
    sha256="ccc6220d9a4b0485b853ab40fe012d2a5d9c55f1e55835f6a8eb8b552d6c49c6",
)
"""For glibc 2.38 and newer."""

OLD = Source(
    requirement="tritonclient==2.51.0",
    wheel_sha256="c485bb0123bdf310f90bc8b03d3489b28df2ffed55b30c7eee0b795b48113d52",
    member="tritonclient-2.51.0.data/data/bin/perf_analyzer",
    sha256="a8e3fa6d2fcd535770f18fa3c9baf21aee85697352637d24c6b2818401c95a34",
    libraries={
        "libb64.so.0d": (
            "libb64-98cb6333.so.0d",
            "ba2158f77305a64cf0f7fd5f3cf61c544f605fc0cf365efa35f8e79609e7aae6",
        ),
        "libcudart.so.12": (
            "libcudart-09529672.so.12.6.77",
            "90ab0564bc34ec72575ab8620c5f68170f405ee04544000d0f83810188fd9582",
        ),
    },
)
"""For an older glibc. Its libraries are those of nvidia-pytriton 0.7.0."""


def source() -> Source:
    """The one for this machine's glibc."""
    _, version = platform.libc_ver()
    return NEW if tuple(map(int, version.split(".")[:2])) >= (2, 38) else OLD


def install(report: Report, folder: Path | None = None) -> Analyzer:
    """Makes perf_analyzer available, unless it is there already.

    Args:
        report: gets a line for each thing that is done.
        folder: where; by default :data:`perf.measure.analyzer.places.FOLDER`.

    Returns:
        a perf_analyzer that has run once.

    Raises:
        AnalyzerMissing: none can be had here; one sentence says why, and what to do.
    """
    folder = places.FOLDER if folder is None else folder.absolute()
    try:
        check_machine()
    except RuntimeFailure as problem:
        raise AnalyzerMissing(
            f"No perf_analyzer is published for this machine: {problem} Without it, the fallback "
            "loader measures"
        ) from problem
    wanted = source()
    if not _is_current(folder, wanted):
        try:
            # Before the lock, which it takes too.
            server = install_server(progress=report) if wanted.libraries else None
            with one_at_a_time(folder, report):
                if not _is_current(folder, wanted):
                    _make(folder, wanted, server, report)
        except RuntimeFailure as problem:
            raise AnalyzerMissing(
                f"perf_analyzer needs libraries of the server environment: {problem}"
            ) from problem
        except OSError as problem:
            raise AnalyzerMissing(f"Cannot make {folder}: {problem}") from problem
    else:
        report(f"{folder.name} has {wanted.requirement}'s perf_analyzer already")
    return _analyzer(folder, wanted)


def _analyzer(folder: Path, wanted: Source) -> Analyzer:
    path = folder / "bin" / "perf_analyzer"
    libraries = folder / "lib" if wanted.libraries else None
    return Analyzer(path, places.version(path, libraries), "python -m perf install", libraries)


def _is_current(folder: Path, wanted: Source) -> bool:
    try:
        return bool(read_json(folder / STAMP) == json.loads(_stamp(wanted)))
    except Unreadable:
        return False


def _stamp(wanted: Source) -> str:
    return json.dumps(asdict(wanted), indent=1)


def _make(folder: Path, wanted: Source, server: ServerEnvironment | None, report: Report) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "bin").mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=partial) as downloads:
        report(f"fetching {wanted.requirement}")
        wheel = _download(wanted.requirement, Path(downloads))
        _verify(wheel.name, wheel.read_bytes(), wanted.wheel_sha256)
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(wanted.member)
    _verify("perf_analyzer", content, wanted.sha256)
    binary = partial / "bin" / "perf_analyzer"
    binary.write_bytes(content)
    binary.chmod(0o755)
    report(f"took perf_analyzer out of {wheel.name}; both are as pinned (SHA-256)")
    if server is not None:
        (partial / "lib").mkdir()
        for name, (file, sha256) in wanted.libraries.items():
            content = (server.packages / "nvidia_pytriton.libs" / file).read_bytes()
            _verify(file, content, sha256)
            (partial / "lib" / name).write_bytes(content)
            report(f"took {name} from {server.folder.name}, as pinned (SHA-256)")
    made = _analyzer(partial, wanted)
    (partial / STAMP).write_text(_stamp(wanted))
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    report(f"perf_analyzer {made.version} runs; it is in {folder.name}")


def _download(requirement: str, folder: Path) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"),
        *("--dest", str(folder), requirement),
    ]
    # Its warnings are about configuration that others made; its errors are what helps.
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=ending_with_parent(signal.SIGTERM),
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        told = told or done.stderr.splitlines() or ["it brought no wheel"]
        again = shlex.join([*command[:-2], ".", requirement])
        raise AnalyzerMissing(
            f"pip could not fetch {requirement} ({told[-1].removeprefix('ERROR: ').strip()}); "
            f"see whether the network or a mirror is reachable. To repeat it: {again}"
        )
    return wheels[0]


def _verify(name: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise AnalyzerMissing(
            f"{name} is not the file that is pinned: its SHA-256 is {found}, expected {expected}; "
            "nothing of it was installed. See where pip gets its files from, and where they were "
            "changed"
        )
