"""What the container of a :class:`~tests.kserve.runtime.pod.Pod` sees: mounts, and the image."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from runtime.machine.environment import ALLOCATOR, ServerEnvironment
from runtime.machine.needs import libpython_folder
from tests.kserve.cluster.webhooks.quantity import quantity
from tests.kserve.render import Object
from tests.kserve.schemas.crds import ROOT

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/sys")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
TRITON = "/opt/tritonserver"
KIT = "/opt/triton-multimodal-kit/runtime"
PYTHON = "/opt/server-environment"
"""Where the server environment is: at its own path a volume may lie over it, as that at /tmp."""
LOOPBACK = shlex.join(
    [
        "-c",
        "import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, "
        "struct.pack('16sH14x', b'lo', 1))",
    ]
)
"""Python's arguments that bring a new network's loopback up: SIOCSIFFLAGS, IFF_UP."""

COPY_BACKEND = (
    "import pathlib, sys; from runtime.server.backend_folder import copy_backend; "
    "copy_backend(*map(pathlib.Path, sys.argv[1:]))"
)


def image_variables(environment: ServerEnvironment) -> dict[str, str]:
    """What the image's own environment has, for the environment in its place."""
    packages = Path(PYTHON, environment.packages.relative_to(environment.folder))
    libraries = [str(packages / "nvidia_pytriton.libs"), str(libpython_folder() or "")]
    return ALLOCATOR | {
        "PATH": f"{TRITON}/bin:{PYTHON}/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
    }


def script(root: Path, spec: Object, repository: Path, environment: ServerEnvironment) -> str:
    """Shell commands that mount a container's root file system, all of it read-only but volumes.

    Args:
        root: an empty folder.
        spec: of the ServingRuntime.
        repository: what KServe mounts.
        environment: the server environment.
    """
    (container,) = spec["containers"]
    lines = [f"mount -t tmpfs -o mode=755,size=64m root {root}"]
    for path in SYSTEM:
        if Path(path).is_symlink():
            lines.append(f"ln -s {Path(path).readlink()} {root}{path}")
        elif Path(path).exists():
            lines += _bind(Path(path), f"{root}{path}")
    lines += [line for path in DEVICES for line in _bind(Path(path), f"{root}{path}", "rw")]
    lines += [f"mkdir {root}/proc", *_bind(repository, f"{root}/mnt/models")]
    lines += _bind(environment.folder, f"{root}{PYTHON}")
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        lines += _bind(Path(sys.base_prefix), f"{root}{sys.base_prefix}")
    lines += _image(f"{root}{TRITON}", environment)
    for name in _copied_to_the_image():
        lines += _bind(ROOT / "runtime" / name, f"{root}{KIT}/{name}")
    volumes = {each["name"]: each["emptyDir"] for each in spec["volumes"]}
    for mount in container["volumeMounts"]:
        size = int(quantity(volumes[mount["name"]]["sizeLimit"]))
        place = f"{root}{mount['mountPath']}"
        lines += [f"mkdir -p {place}", f"mount -t tmpfs -o mode=777,size={size} volume {place}"]
    return "\n".join([*lines, f"mount -o remount,bind,ro {root}"])


def _image(triton: str, environment: ServerEnvironment) -> list[str]:
    """Triton where the image has it."""
    python = environment.triton / "backends" / "python"
    lines = _bind(environment.triton / "bin", f"{triton}/bin")
    for file in (
        python / "libtriton_python.so",
        python / "triton_python_backend_utils.py",
        environment.stub,
    ):
        lines += _bind(file, f"{triton}/backends/python/{file.name}")
    copied = [ROOT / "runtime/backends/onnxruntime", f"{triton}/backends/onnxruntime"]
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-c", COPY_BACKEND, *map(str, copied)]
    return [*lines, shlex.join(command)]


def _copied_to_the_image() -> list[str]:
    """The files that runtime/Containerfile copies for the liveness probe."""
    for line in (ROOT / "runtime" / "Containerfile").read_text().splitlines():
        if line.startswith("COPY ") and line.endswith(f" {KIT}/"):
            return line.split()[1:-1]
    raise AssertionError(f"runtime/Containerfile copies nothing to {KIT}/")


def _bind(source: Path, target: str, mode: str = "ro") -> list[str]:
    """A mount of its own, so that its mode is its own."""
    make = f"mkdir -p {target}" if source.is_dir() else f"install -D /dev/null {target}"
    return [make, f"mount --bind {source} {target}", f"mount -o remount,bind,{mode} {target}"]
