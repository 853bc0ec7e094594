"""The CRDs that manifests are held to: where they are, what they must be, and how to get them.

``kserve/crds.lock.yaml`` names each file's repository, commit, path and SHA-256. The files lie in
the folder that ``CRD_DIR`` names, or else in ``.crds/`` of the checkout, as
``<project>/<file>``. Run as a program (``make crds``), this fetches what is missing.
"""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "kserve" / "crds.lock.yaml"
FETCHED = ROOT / ".crds"
HOST = "https://raw.githubusercontent.com"


class CrdError(Exception):
    """CRDs are missing, altered, or cannot be fetched; one sentence with the remedy."""


@dataclass(frozen=True, kw_only=True)
class Crd:
    """One line of the lock.

    Attributes:
        kind: ``<group>/<Kind>`` that the file defines.
        project: the folder that it lies in, ``kserve`` or the like.
        url: where it is fetched from.
        sha256: of its bytes.
    """

    kind: str
    project: str
    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Its path below the folder of CRDs."""
        return f"{self.project}/{self.url.rsplit('/', 1)[1]}"


class Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: ``=`` is a string, not YAML 1.1's default-value mark."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)


@cache
def locked(lock: Path = LOCK) -> dict[str, Crd]:
    """Every CRD of the lock, by ``<group>/<Kind>``.

    Raises:
        CrdError: two files define one kind.
    """
    found: dict[str, Crd] = {}
    for project, entry in yaml.safe_load(lock.read_text(encoding="utf-8"))["projects"].items():
        for file in entry["files"]:
            kind = file["kind"]
            if kind in found:
                raise CrdError(f"{lock}: two files define {kind}; keep one.")
            url = f"{HOST}/{entry['repository']}/{entry['commit']}/{file['path']}"
            found[kind] = Crd(kind=kind, project=project, url=url, sha256=file["sha256"])
    return found


def folder() -> Path:
    """Where the CRDs lie.

    Raises:
        CrdError: neither place is there.
    """
    named = os.environ.get("CRD_DIR")
    place = Path(named) if named else FETCHED
    if not place.is_dir():
        given = f"CRD_DIR names {named}, which is no folder" if named else "CRD_DIR is not set"
        raise CrdError(
            f"No CRDs to hold the manifests to: {given}, and {FETCHED} is "
            f"{'not looked at then' if named else 'not there'}. Run `make crds` where there is "
            "network, or set CRD_DIR to a folder of them."
        )
    return place


def content(crd: Crd, place: Path) -> bytes:
    """A CRD's bytes.

    Raises:
        CrdError: it is missing, or not the one that the lock names.
    """
    path = place / crd.name
    if not path.is_file():
        raise CrdError(
            f"{path}: the CRD of {crd.kind} is missing. Run `make crds`, or mend CRD_DIR."
        )
    data = path.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != crd.sha256:
        raise CrdError(
            f"{path}: expected SHA-256 {crd.sha256} as in {LOCK.name}, found {found}. Remove the "
            "file and run `make crds`; to follow another version, change the lock."
        )
    return data


@cache
def definition(crd: Crd, place: Path) -> dict[str, Any]:
    """The CustomResourceDefinition that a file holds for its kind."""
    for document in yaml.load_all(content(crd, place), Loader):
        spec = (document or {}).get("spec", {})
        if f"{spec.get('group')}/{spec.get('names', {}).get('kind')}" == crd.kind:
            return dict(document)
    raise CrdError(f"{crd.name}: expected a CustomResourceDefinition of {crd.kind}, found none.")


def fetch(place: Path = FETCHED, lock: Path = LOCK, timeout: float = 30) -> Iterator[str]:
    """Get what is missing or altered, and yield each name that was written.

    Raises:
        CrdError: a file cannot be had, or is not the one that the lock names.
    """
    for crd in locked(lock).values():
        path = place / crd.name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == crd.sha256:
            continue
        try:
            with urllib.request.urlopen(crd.url, timeout=timeout) as answer:
                data = answer.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise CrdError(
                f"{crd.url}: not fetched: {reason}. `make crds` needs network; without it, set "
                "CRD_DIR to a folder that holds the files of kserve/crds.lock.yaml."
            ) from error
        if (found := hashlib.sha256(data).hexdigest()) != crd.sha256:
            raise CrdError(f"{crd.url}: expected SHA-256 {crd.sha256}, found {found}; not kept.")
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(data)
        aside.replace(path)
        yield crd.name


def main(place: Path = FETCHED, lock: Path = LOCK) -> int:
    """``make crds``: the exit status."""
    try:
        written = list(fetch(place, lock))
    except CrdError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{place}: {len(written)} fetched, {len(locked(lock))} in all, as {lock.name} names them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
