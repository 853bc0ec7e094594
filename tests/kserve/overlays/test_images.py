"""Images: tags in kustomizations alone, one for each name, and a digest in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.kserve import render
from tests.kserve.overlays import bundles
from tests.kserve.render import KSERVE, Object

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
TAGGED = re.compile(r":[\w][\w.-]*$")
BUILT = "triton-multimodal-kit"
"""Its tag is the Triton release of the repository that an overlay serves."""


def images(node: object) -> Iterator[str]:
    """Every value of a field ``image``."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "image" and isinstance(value, str):
                yield value
            yield from images(value)
    elif isinstance(node, list):
        for value in node:
            yield from images(value)


def everything() -> Iterator[tuple[str, list[Object]]]:
    for folder in (*bundles.BASES, *bundles.OVERLAYS):
        yield folder, render.shipped(folder)
    for overlay, components in bundles.singles():
        yield f"{overlay} {components}", render.shipped(overlay, components=components)


def test_every_image_has_a_tag_and_each_name_one() -> None:
    tags: dict[str, set[str]] = {}
    for where, objects in everything():
        for image in images(objects):
            assert TAGGED.search(image) or "@sha256:" in image, (where, image)
            name, _, tag = image.rpartition(":")
            assert tag != "latest", where
            tags.setdefault(name, set()).add(tag)
    assert len(tags.pop(BUILT)) == len({"local-cpu, knative", "gpu, gpu-mig"})
    assert {name: found for name, found in tags.items() if len(found) > 1} == {}
    assert tags["tensorrt-llm-sshd"] == tags["nvcr.io/nvidia/tensorrt-llm/release"]


def test_image_tags_are_in_kustomizations_only() -> None:
    """There under ``images``: neither in an object nor in a patch."""
    found = [
        f"{path.relative_to(KSERVE)}: {image}"
        for path in KSERVE.rglob("*.yaml")
        for image in re.findall(r"\bimage\"?: *\"?([^\s\",}]+)", path.read_text(encoding="utf-8"))
        if TAGGED.search(image) or "@" in image
    ]
    assert found == []


@pytest.mark.parametrize("overlay", bundles.OVERLAYS)
def test_a_digest_takes_the_place_of_every_tag(overlay: str) -> None:
    """As docs/deploy's "An overlay of your own" has it; but for a storage container, as it says."""
    components = tuple(each for each in ("verify",) if overlay in bundles.hosts(each))
    before = render.shipped(overlay, components=components)
    names = sorted({each.rpartition(":")[0] for each in images(before)})
    digests = [{"name": each, "digest": DIGEST} for each in names]
    objects = render.composed([overlay], components, images=digests)
    pinned = [each for each in objects if each["kind"] != "ClusterStorageContainer"]
    assert {each.partition("@")[0] for each in images(pinned)} == set(names)
    assert {each.partition("@")[2] for each in images(pinned)} == {DIGEST}
