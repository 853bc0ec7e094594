"""The image of ``runtime/verify.Containerfile`` without a container, and containers run in it.

Its Python is this one, started without its own packages: the importable ones are those of the
requirements that it installs, at the pinned versions, and the files that it copies.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from tests.kserve.render import Object
from tests.kserve.schemas.crds import ROOT

CONTAINERFILE = ROOT / "runtime" / "verify.Containerfile"
MESSAGE_BYTES, LOG_BYTES, LOG_LINES = 4096, 2048, 80
"""What the kubelet keeps: of a message's file, and of a log in its place.

Source: kubernetes.io, "Determine the Reason for Pod Failure"; kubernetes
pkg/kubelet/container/runtime.go, MaxContainerTerminationMessage….
"""


@dataclass(frozen=True)
class Ended:
    """How a container ended.

    Attributes:
        code: its exit code.
        log: all that it wrote, with the paths that it saw.
        message: the termination message that ``kubectl describe pod`` shows.
    """

    code: int
    log: str
    message: str


class Image:
    """The files of the image, linked, in a folder.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._packages, self._work = folder / "packages", folder / "work"
        self._entrypoint: list[str] = []
        self._variables: dict[str, str] = {}
        copied: list[tuple[str, ...]] = []
        workdir = ""
        listed: list[str] = []
        for line in CONTAINERFILE.read_text().replace("\\\n", "").splitlines():
            instruction, _, rest = line.partition(" ")
            if instruction == "ENTRYPOINT":
                self._entrypoint = json.loads(rest)
            elif instruction == "ENV":
                self._variables |= dict(each.split("=", 1) for each in rest.split())
            elif instruction == "WORKDIR":
                workdir = rest.strip()
            elif instruction == "COPY":
                copied.append(tuple(rest.split()))
            elif instruction == "RUN":
                listed = re.findall(r"--requirement (\S+)", rest)
        self._work.mkdir()
        for *sources, place in copied:
            (source,) = sources
            target = self._work / Path(place).relative_to(workdir)
            target.symlink_to(ROOT / source)
        self._packages.mkdir()
        lines = {line for each in listed for line in (self._work / each).read_text().splitlines()}
        for line in sorted(lines):
            if line and not line.startswith("#"):
                self._install(Requirement(line))

    def _install(self, wanted: Requirement) -> None:
        found = importlib.metadata.distribution(wanted.name)
        assert found.version in wanted.specifier, f"{wanted}: found {found.version}"
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            source = Path(str(found.locate_file(top)))
            if (source / "__init__.py").exists() or top.endswith(".dist-info"):
                (self._packages / top).symlink_to(source)
                continue
            # A namespace that others install into too, or a single module.
            for file in (each for each in found.files or () if each.parts[0] == top):
                target = self._packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(found.locate_file(file))))

    def call(
        self, *arguments: object, program: str = "repository", folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program with what it has installed, on this machine's files.

        Args:
            arguments: of the program.
            program: its module.
            folder: where that is; in the image by default.
        """
        return subprocess.run(
            [sys.executable, "-S", "-m", program, *map(str, arguments)],
            cwd=folder or self._work,
            env={"PATH": os.defpath, "PYTHONPATH": str(self._packages), **self._variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run(
        self,
        container: Object,
        volumes: Mapping[str, Path],
        *,
        args: Sequence[str] = (),
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a container to its end.

        Args:
            container: as rendered.
            volumes: its volumes by name, as folders.
            args: arguments that follow its own.
            secrets: the Secrets of the namespace, for ``envFrom``.
            fields: the pod's fields that variables are read from, by path; an annotation that is
                not there is an empty text.
        """
        places = {"/tmp": self._work.parent / "tmp"}
        places["/tmp"].mkdir(exist_ok=True)
        for mount in container["volumeMounts"]:
            places[mount["mountPath"]] = volumes[mount["name"]] / mount.get("subPath", "")
        # The kubelet mounts a file here, which a container may write.
        note = container.get("terminationMessagePath", "/dev/termination-log")
        places[note] = places["/tmp"] / "termination-log"
        places[note].write_bytes(b"")

        def here(text: str) -> str:
            for place, folder in places.items():
                option, equals, value = text.rpartition("=")
                if value == place or value.startswith(f"{place}/"):
                    return f"{option}{equals}{folder}{value.removeprefix(place)}"
            return text

        variables = dict(self._variables)
        for each in container.get("envFrom", ()):
            variables |= (secrets or {})[each["secretRef"]["name"]]
        for each in container.get("env", ()):
            field = each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            value = (fields or {}).get(field, "") if field else each["value"]
            variables[each["name"]] = here(value)
        command = [
            *container.get("command", self._entrypoint),
            *(
                re.sub(r"\$\((\w+)\)", lambda found: variables[found[1]], each)
                for each in container.get("args", ())
            ),
            *args,
        ]
        assert command[0] == "python"
        done = subprocess.run(
            [sys.executable, "-S", *map(here, command[1:])],
            cwd=self._work,
            env={"PATH": os.defpath, "PYTHONPATH": str(self._packages), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        log = done.stdout
        for place, folder in places.items():
            log = log.replace(str(folder), place)
        written = places[note].read_bytes()[:MESSAGE_BYTES].decode()
        if not written and done.returncode:
            written = tail(container, log)
        return Ended(done.returncode, log, written)


def tail(container: Object, log: str) -> str:
    """What the kubelet takes of a failed container's log for its message."""
    if container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return ""
    last = "".join(log.splitlines(keepends=True)[-LOG_LINES:]).encode()
    return last[-LOG_BYTES:].decode(errors="ignore")
