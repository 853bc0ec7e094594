"""Every overlay renders, and what its objects say of each other agrees."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kserve.render import KSERVE, shipped
from tests.kserve.schemas.crds import Loader

ROOT = KSERVE.parent
OVERLAYS = sorted(each.name for each in (KSERVE / "overlays").iterdir())
CLUSTER_WIDE = {"Namespace", "ClusterStorageContainer", "LocalModelNodeGroup"}


def of(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def args(container: dict[str, Any]) -> dict[str, str]:
    """``--name=value`` arguments; the last value counts, as for Triton."""
    pairs = [each.partition("=") for each in container.get("args", []) if each.startswith("--")]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("overlay", OVERLAYS)
class TestOverlay:
    def test_everything_is_in_one_namespace(self, overlay: str) -> None:
        objects = shipped(f"overlays/{overlay}")
        assert "multimodal" in of(objects, "Namespace")
        for each in objects:
            if each["kind"] not in CLUSTER_WIDE:
                assert each["metadata"]["namespace"] == "multimodal", each["metadata"]["name"]

    def test_services_find_their_runtime_their_volume_and_their_mode(self, overlay: str) -> None:
        objects = shipped(f"overlays/{overlay}")
        mode = "Knative" if overlay == "knative" else "Standard"
        for name, service in of(objects, "InferenceService").items():
            model = service["spec"]["predictor"]["model"]
            assert model["runtime"] in of(objects, "ServingRuntime"), name
            annotations = service["metadata"]["annotations"]
            assert annotations["serving.kserve.io/deploymentMode"] == mode
            if model["storageUri"].startswith("pvc://"):
                claim = model["storageUri"].removeprefix("pvc://").split("/")[0]
                assert claim in of(objects, "PersistentVolumeClaim"), name

    def test_a_pod_has_time_to_answer_what_it_accepted(self, overlay: str) -> None:
        objects = shipped(f"overlays/{overlay}")
        runtimes = of(objects, "ServingRuntime")
        for service in of(objects, "InferenceService").values():
            predictor = service["spec"]["predictor"]
            container = runtimes[predictor["model"]["runtime"]]["spec"]["containers"][0]
            exits = int(args(container).get("--exit-timeout-secs", 0))
            if overlay == "knative":  # its queue-proxy drains, and the grace period is the timeout
                assert exits < predictor["timeout"]
                continue
            delay = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert delay + exits + 5 <= predictor["terminationGracePeriodSeconds"]


def test_a_split_decoder_gets_as_many_gpus_as_ranks() -> None:
    service = of(shipped("base/services/decoder-trtllm-multi-gpu"), "InferenceService")[
        "decoder-trtllm-multi-gpu"
    ]
    model = service["spec"]["predictor"]["model"]
    assert args(model)["--tp_size"] == model["resources"]["limits"]["nvidia.com/gpu"]
    (nodes,) = shipped("base/services/decoder-trtllm-multi-node")
    leader = nodes["spec"]["template"]["containers"][0]
    gpus = leader["resources"]["limits"]["nvidia.com/gpu"]
    assert nodes["spec"]["parallelism"]["tensor"] == int(gpus)
    script = leader["args"][0]
    assert f"--tp_size={gpus}" in script
    assert f"-np $(({gpus} * LWS_GROUP_SIZE))" in script
    assert set(re.findall(r":(\d+)\"", script)) == {gpus}


def test_one_object_kind_a_file() -> None:
    for path in KSERVE.rglob("*.yaml"):
        kinds = {each.get("kind") for each in yaml.load_all(path.read_text(), Loader) if each}
        assert len(kinds) == 1, path


def make(*words: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *words],
        cwd=ROOT,
        env={"PATH": f"{path}", "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the shell's tools, and a kubectl that a test writes."""
    for name in ("bash", "make", "ls", "head", "od", "tr", "cat"):
        source = next(p for p in (Path("/bin") / name, Path("/usr/bin") / name) if p.exists())
        (tmp_path / name).symlink_to(source)
    return tmp_path


def kubectl(tools: Path, script: str) -> None:
    (tools / "kubectl").write_text(f"#!/bin/bash\n{script}\n")
    (tools / "kubectl").chmod(0o755)


def test_render_says_what_is_missing(tools: Path) -> None:
    unknown = make("render", "OVERLAY=gpus", path=tools)
    assert unknown.returncode
    assert "there is no overlay 'gpus'; there are: " + " ".join(OVERLAYS) in unknown.stderr
    assert "neither kubectl nor kustomize is on PATH" in make("render", path=tools).stderr


def test_deploy_says_what_is_missing(tools: Path) -> None:
    assert "kubectl is not on PATH" in make("deploy", path=tools).stderr
    kubectl(tools, "exit 1")
    assert "no cluster answers kubectl" in make("deploy", path=tools).stderr
    kubectl(tools, '[[ "$*" != *"get crd"* ]]')
    assert "the cluster has no KServe" in make("deploy", path=tools).stderr


def deployed(tools: Path, objects: list[dict[str, Any]], *, there: bool) -> str:
    """What ``make deploy`` asks kubectl, which renders these objects; the key goes to ``key``."""
    text = "\n---\n".join(map(json.dumps, objects))
    (tools / "rendered.yaml").write_text(text, encoding="utf-8")
    kubectl(
        tools,
        f"""echo "$*" >> {tools}/asked
        case "$*" in
          "kustomize"*) cat {tools}/rendered.yaml;;
          "get secret"* | "get namespace"*) exit {0 if there else 1};;
          "create secret"*) cat > {tools}/key;;
          "apply -f -") cat > {tools}/applied.yaml;;
        esac""",
    )
    result = make("deploy", "OVERLAY=knative", path=tools)
    (tools / "stderr").write_text(result.stderr, encoding="utf-8")
    return (tools / "asked").read_text(encoding="utf-8")


def in_namespace(objects: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    for each in objects:
        each["metadata"]["name" if each["kind"] == "Namespace" else "namespace"] = namespace
    return objects


@pytest.mark.parametrize("there", [True, False])
def test_deploy_makes_the_key_once_where_the_overlay_is(tools: Path, there: bool) -> None:
    objects = in_namespace(shipped("overlays/knative"), "team-a")
    asked = deployed(tools, objects, there=there)
    assert "multimodal" not in asked, "nothing lands in another namespace than the overlay's"
    assert "get secret triton-admin -n team-a" in asked
    assert ("create namespace team-a" in asked) is not there
    applied = (tools / "applied.yaml").read_text(encoding="utf-8")
    assert list(yaml.load_all(applied, Loader)) == objects
    if not there:
        assert re.fullmatch("[0-9a-f]{48}", (tools / "key").read_text())
    assert (tools / "key").exists() is not there


def test_deploy_applies_nothing_that_breaks_a_rule(tools: Path) -> None:
    objects = in_namespace(shipped("overlays/gpu", components=("keda",)), "team-a")
    asked = deployed(tools, objects, there=True)
    assert "apply" not in asked and "create" not in asked
    said = (tools / "stderr").read_text(encoding="utf-8")
    assert "asks for the namespace multimodal, and this is team-a" in said
    assert "kserve/transformers/namespace" in said
