"""The manifest's memory is what the demo repository needs, by computation and under load."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders.kit.resources.total import MIB, Resources, resources
from builders.ocr.largest import page_of_text
from repository.manifest import read_manifest
from tests.docs.pages import DEPLOY
from tests.kserve import render
from tests.kserve.cluster.webhooks.quantity import quantity
from tests.kserve.runtime.declared import flag
from tests.kserve.runtime.pod import Pod
from tests.kserve.runtime.record import BUILT, measured, recorded
from tests.kserve.runtime.test_probes import wait_until_started

CONCURRENCY = 4
"""The default of ``builders resources``."""

CONTROLLERS = 1 << 30
"""Bytes that Kubernetes, cert-manager and KServe request beside the pod, rounded up."""

CGROUPS = Path("/sys/fs/cgroup/memory")
PAGES = """
import sys, numpy, tritonclient.grpc as triton
from concurrent.futures import ThreadPoolExecutor
page = numpy.frombuffer(open(sys.argv[1], "rb").read(), numpy.uint8)
client = triton.InferenceServerClient("127.0.0.1:{port}")
def read(pipeline):
    tensor = triton.InferInput("image", [page.size], "UINT8")
    tensor.set_data_from_numpy(page)
    return len(client.infer(pipeline, [tensor], client_timeout=300).as_numpy("text"))
with ThreadPoolExecutor({concurrency}) as pool:
    print(*pool.map(read, ["ocr", "ocr_bls"] * {concurrency}))
"""


def spec(objects: list[render.Object]) -> render.Object:
    (found,) = (
        each["spec"]
        for each in objects
        if each["kind"] == "ServingRuntime" and each["metadata"]["name"] == "triton-multimodal"
    )
    return dict(found)


def too_little(runtime: render.Object, needed: Resources) -> list[str]:
    """What a runtime's memory does not cover, with /dev/shm as large as its volume may get."""
    (volume,) = (each for each in runtime["volumes"] if each["name"] == "shared-memory")
    limit = int(quantity(volume["emptyDir"]["sizeLimit"]))
    given = runtime["containers"][0]["resources"]
    memory = needed.memory - needed.shared_memory + limit
    told = [
        f"{kind}: {given[kind]['memory']}, needed {memory // MIB}Mi"
        for kind in ("requests", "limits")
        if int(quantity(given[kind]["memory"])) < memory
    ]
    if limit < needed.shared_memory:
        told.append(f"/dev/shm: {limit // MIB}Mi, needed {needed.shared_memory // MIB}Mi")
    return told


@pytest.fixture(scope="module")
def needed() -> Resources:
    return resources(BUILT, read_manifest(BUILT), recorded(), concurrency=CONCURRENCY)


@pytest.mark.parametrize("overlay", ["local-cpu", "knative", "gpu", "gpu-mig"])
def test_a_runtime_asks_for_what_is_computed(overlay: str, needed: Resources) -> None:
    assert too_little(spec(render.shipped(f"overlays/{overlay}")), needed) == []


def test_too_little_is_noticed(needed: Resources) -> None:
    runtime = spec(render.shipped("overlays/local-cpu"))
    runtime["containers"][0]["resources"]["requests"]["memory"] = "4Gi"
    runtime["volumes"][0]["emptyDir"]["sizeLimit"] = "64Mi"
    assert [each.partition(":")[0] for each in too_little(runtime, needed)] == [
        "requests",
        "/dev/shm",
    ]


def test_the_pages_ask_for_a_machine_that_holds_it() -> None:
    runtime = spec(render.shipped("overlays/local-cpu"))
    memory = int(quantity(runtime["containers"][0]["resources"]["requests"]["memory"]))
    (stated,) = re.findall(r"^\| `local-cpu` \|.* (\d+) GB of memory", DEPLOY, re.MULTILINE)
    (minikube,) = re.findall(r"minikube start --memory (\d+)g", DEPLOY)
    assert int(stated) * 10**9 >= memory + CONTROLLERS
    assert int(minikube) << 30 >= memory + CONTROLLERS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_record_is_of_these_models(needed: Resources) -> None:
    """If not: ``python -m tests.kserve.runtime.record``."""
    load = measured()
    now = resources(BUILT, read_manifest(BUILT), load, concurrency=CONCURRENCY)
    assert load.models.keys() == recorded().models.keys()
    assert now.memory == pytest.approx(needed.memory, rel=0.15), load
    assert now.shared_memory == pytest.approx(needed.shared_memory, rel=0.15), load


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A memory cgroup with the declared limit, without swap where the kernel counts it."""
    folder = CGROUPS / f"pod-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no memory cgroup (version 1) can be made here: {error}")
    runtime = spec(render.shipped("overlays/local-cpu"))
    limit = int(quantity(runtime["containers"][0]["resources"]["limits"]["memory"]))
    (folder / "memory.limit_in_bytes").write_text(str(limit))
    yield folder
    deadline = time.monotonic() + 10
    while (folder / "cgroup.procs").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    folder.rmdir()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_largest_requests_stay_within_the_limit(
    make_pod: Callable[..., Pod], cgroup: Path, tmp_path: Path
) -> None:
    (tmp_path / "page.png").write_bytes(page_of_text())
    with make_pod(BUILT, cgroup=cgroup) as pod:
        pod.start()
        wait_until_started(pod)
        program = PAGES.format(port=flag("grpc-port"), concurrency=CONCURRENCY)
        said, _ = pod.client(["-c", program, str(tmp_path / "page.png")]).communicate(timeout=500)
        lines: list[Any] = said.split()
        assert len(lines) == 2 * CONCURRENCY and all(int(each) > 50 for each in lines), said
        assert pod.wait(0) is None
        # Reclaiming the cache of files counts as a failure to charge; that nothing was killed, not.
        control = (cgroup / "memory.oom_control").read_text().split()
        assert control[control.index("oom_kill") + 1] == "0"
        print(f"{int((cgroup / 'memory.max_usage_in_bytes').read_text()) >> 20} MiB at most")
        shared = sum(pod.files("/dev/shm").values())
        print(f"{shared >> 20} MiB of /dev/shm")
