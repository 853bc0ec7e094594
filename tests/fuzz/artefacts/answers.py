"""Answers of registries and buckets that lie, for ``pull``."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

from tests.fuzz import mutate
from tests.fuzz.artefacts.artefact import Artefact, Ran
from tests.fuzz.artefacts.manifests import is_whole
from tests.repository.transfer.oci import hostile_registry
from tests.repository.transfer.oci.hostile_registry import Hostile, Reply
from tests.repository.transfer.repositories import write_repository
from tests.repository.transfer.s3 import hostile_s3

FILES = {
    "a/config.pbtxt": b'name: "a"\n',
    "a/1/model.onnx": bytes(range(256)) * 40,
    "b/config.pbtxt": b'name: "b"\n',
    "b/1/model.onnx": b"weights",
}
ENDLESS = ("list: the same page for ever", "list: more, but no token")
"""Ten thousand requests before they are given up: another test has them."""


@functools.cache
def known() -> tuple[tuple[Hostile, ...], tuple[Hostile, ...]]:
    """The hostile answers that are known, of registries and of buckets."""
    with tempfile.TemporaryDirectory() as name:
        repository = write_repository(Path(name), FILES)
        buckets = [each for each in hostile_s3.corpus(repository) if each.name not in ENDLESS]
        return tuple(hostile_registry.corpus(repository)), tuple(buckets)


def _seeded(number: int) -> Hostile:
    with tempfile.TemporaryDirectory() as name:
        return hostile_registry.from_seed(write_repository(Path(name), FILES), number)


def _spoilt(random: Random, case: Hostile) -> Hostile:
    """A bucket's answers with one changed by chance."""
    name = random.choice(sorted(case.replies))
    body = case.replies[name].body
    if len(body) > 100_000:
        return case
    spoilt = Reply(mutate.blindly(random, body), headers=case.replies[name].headers)
    return Hostile(f"{case.name}, spoilt {name}", {**case.replies, name: spoilt}, case.declared)


def _arrived(folder: Path, _ran: Ran) -> str:
    """All that was pulled is what the good repository has, or says itself to be whole."""
    return is_whole(folder / "there")


def pull(random: Random) -> Artefact:
    """A pull from a registry or a bucket, into no folder or one that is there."""
    registries, buckets = known()
    way = random.random()
    if way < 0.3:
        case, source = random.choice(registries), "oci:{host}/team/ocr:1"
    elif way < 0.6:
        case, source = _seeded(random.getrandbits(40)), "oci:{host}/team/ocr:1"
    else:
        case, source = random.choice(buckets), "s3://models/a"
        if way > 0.8:
            case = _spoilt(random, case)
    there = random.random() < 0.4

    def write(folder: Path) -> None:
        if there:
            write_repository(folder / "there", {"c/config.pbtxt": b"c", "c/1/model.py": b"1"})

    return Artefact(
        f"{source.partition(':')[0]}: {case.name}",
        write,
        ("builders", "pull", source, "there", "--quiet"),
        made=("there",),
        partly=("there/.pull",) if there else ("there", "there/.pull"),
        judge=_arrived,
        lies=case,
    )


def good() -> Artefact:
    """A pull of what is right."""
    with tempfile.TemporaryDirectory() as name:
        image = hostile_registry.Image.of(write_repository(Path(name), FILES))
    return Artefact(
        "a good image",
        lambda folder: None,
        ("builders", "pull", "oci:{host}/team/ocr:1", "there", "--quiet"),
        codes=frozenset({0}),
        made=("there",),
        judge=_arrived,
        lies=replace(image.hostile("good"), name="good"),
    )
