"""What is rendered is kustomize's, byte for byte; the overlay that is written gives the same."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from builders.bundle import overlay, render
from builders.bundle.parts import FOLDER, Parts, kustomization
from builders.bundle.values import Values, load_values
from builders.cli.app import app
from tests.kserve.render import parsed

PARTS = Parts.at(FOLDER)
SLOW = pytest.mark.slow
VALUES = sorted((FOLDER / "values").glob("*.yaml"))


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["manifests", *(str(each) for each in arguments)])


def by_hand(folder: Path) -> bytes:
    return subprocess.run([*render.renderer(), folder], capture_output=True, check=True).stdout


@cache
def shipped(overlay: str) -> bytes:
    """An overlay, rendered once."""
    return by_hand(FOLDER / "overlays" / overlay)


def objects(**given: Any) -> dict[str, dict[str, Any]]:
    """What values give, by ``Kind/name``."""
    output = render.rendered(Values.model_validate(given), PARTS)
    every = parsed(output.decode())
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in every}


def test_there_is_a_values_file_for_each_overlay() -> None:
    assert {path.stem for path in VALUES} == set(PARTS.overlays)


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_a_values_file_gives_exactly_its_overlays_objects(path: Path) -> None:
    result = call("--values", path)
    assert result.exit_code == 0
    assert result.stdout_bytes == shipped(path.stem)
    assert len(result.stdout_bytes) > 2000


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_an_overlay_that_is_written_out_gives_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is for other services than the overlay's own."""
    monkeypatch.setattr(overlay._Overlay, "_is_as_shipped", lambda _: False)
    values = load_values(path, PARTS)
    assert f"{values.overlay}/kustomization.yaml" in overlay.overlay_of(values, PARTS, FOLDER)
    assert render.rendered(values, PARTS) == shipped(path.stem)


HAND = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: team-a
resources:
  - {kserve}/overlays/gpu
components:
  - {kserve}/components/monitoring
  - {kserve}/components/keda
images:
  - name: triton-multimodal-kit
    newName: registry.example/kit
    digest: sha256:{digest}
patches:
  - target:
      kind: InferenceService
      name: multimodal
    patch: |-
      - op: replace
        path: /spec/predictor/minReplicas
        value: 2
      - op: replace
        path: /spec/predictor/maxReplicas
        value: 6
transformers:
  - {kserve}/transformers/namespace
"""


def test_it_is_byte_for_byte_what_a_user_would_write_by_hand(tmp_path: Path) -> None:
    """The page's example, written both ways."""
    digest = "0" * 64
    hand = tmp_path / "hand"
    hand.mkdir()
    text = HAND.format(kserve=overlay._relative(FOLDER, hand.resolve()), digest=digest)
    (hand / "kustomization.yaml").write_text(text)
    values = tmp_path / "values.yaml"
    values.write_text(
        "overlay: gpu\nnamespace: team-a\ncomponents: [monitoring, keda]\n"
        f"images: {{triton-multimodal-kit: registry.example/kit@sha256:{digest}}}\n"
        "replicas: {multimodal: {min: 2, max: 6}}\n"
    )
    result = call("--values", values)
    assert result.stdout_bytes == by_hand(hand)


def test_the_overlay_that_is_written_renders_the_same_wherever_it_lies(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        "overlay: gpu-mig\nnamespace: team-a\nservices: [asr, decoder-vllm]\n"
        "components: [object-store]\nimages: {triton-multimodal-kit-verify: 'r.example/v:2'}\n"
        "gpu: {type: h200-141gb, slice: 1g.18gb}\n"
    )
    folder = tmp_path / "a" / "mine"
    result = call("--values", values, "--overlay", folder)
    assert result.exit_code == 0, result.output
    assert by_hand(folder) == call("--values", values).stdout_bytes
    again = call("--values", values, "--overlay", folder)
    assert again.exit_code == 1
    assert "expected an empty folder, found files" in again.output


def test_services_bring_what_they_need_and_no_more() -> None:
    found = objects(overlay="gpu", services=["asr", "decoder-vllm"])
    kinds: dict[str, set[str]] = {
        kind: set() for kind in ("InferenceService", "ServingRuntime", "InferenceGraph")
    }
    for each in found:
        kind, _, name = each.partition("/")
        kinds.setdefault(kind, set()).add(name)
    assert kinds["InferenceService"] == {"asr", "decoder-vllm"}
    assert kinds["ServingRuntime"] == {"triton-multimodal", "vllm"}
    assert kinds["InferenceGraph"] == set()
    assert kinds["PersistentVolumeClaim"] == {"model-repository", "decoder-weights"}
    alone = objects(overlay="gpu", services=["ocr"])
    assert "PersistentVolumeClaim/decoder-weights" not in alone
    assert "ServingRuntime/tensorrt-llm" not in alone
    assert "InferenceGraph/ocr-overflow" in objects(overlay="gpu", services=["ocr", "multimodal"])


def test_images_reach_every_container_also_of_a_storage_container() -> None:
    given = {
        "triton-multimodal-kit-verify": "r.example:5000/v:2",
        "kserve/storage-initializer": "s",
    }
    found = objects(overlay="gpu", components=["verify", "restricted"], images=given)
    text = str(found)
    assert text.count("'r.example:5000/v:2'") == 3
    assert "'triton-multimodal-kit-verify" not in text
    # A tag that is not given stays.
    container = found["ClusterStorageContainer/storage-initializer-restricted.multimodal"]["spec"][
        "container"
    ]
    assert container["image"] == "s:v0.20.0"


def test_a_key_switches_its_component_on() -> None:
    found = objects(
        overlay="gpu",
        services=["multimodal", "decoder-vllm", "decoder-trtllm-multi-node"],
        mirror="r.example/m",
        pullSecret="mine",
        priorityClass="high",
        gateway={"name": "edge/public", "domain": "team.example"},
    )
    wanted = [{"name": "mine"}]
    for name in ("triton-multimodal", "vllm"):
        spec = found[f"ServingRuntime/{name}"]["spec"]
        assert spec["imagePullSecrets"] == wanted
        assert spec["containers"][0]["image"].startswith("r.example/m/")
    nodes = found["LLMInferenceService/decoder-trtllm-multi-node"]["spec"]
    for pod in ("template", "worker"):
        assert nodes[pod]["imagePullSecrets"] == wanted
        assert nodes[pod]["priorityClassName"] == "high"
    assert found["InferenceService/multimodal"]["spec"]["predictor"]["priorityClassName"] == "high"
    route = found["HTTPRoute/multimodal-route"]["spec"]
    assert route["hostnames"] == ["multimodal.team.example"]
    assert (route["parentRefs"][0]["namespace"], route["parentRefs"][0]["name"]) == (
        "edge",
        "public",
    )
    claimed = objects(overlay="gpu", deviceClass="mig.nvidia.com")
    request = claimed["ResourceClaimTemplate/gpu"]["spec"]["spec"]["devices"]["requests"][0]
    assert request["exactly"]["deviceClassName"] == "mig.nvidia.com"


def uris(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Where services find their models, the canary's own under its name."""
    made = {}
    for each in found.values():
        if each["kind"] == "InferenceService":
            name, spec = each["metadata"]["name"], each["spec"]
            made[name] = spec["predictor"]["model"]["storageUri"]
            for canary in spec.get("canary", ()):
                made[f"{name}/next"] = canary["predictor"]["model"]["storageUri"]
        elif each["kind"] == "LLMInferenceService":
            made[each["metadata"]["name"]] = each["spec"]["model"]["uri"]
    return made


def test_a_claim_is_the_same_for_what_serves_and_what_verifies() -> None:
    found = objects(
        overlay="gpu",
        services=["multimodal", "asr", "decoder-llmisvc"],
        components=["verify"],
        repository={
            "claim": "models-2",
            "folder": "a/b",
            "size": "7Gi",
            "storageClass": "fast",
            "accessMode": "ReadOnlyMany",
        },
        checkpoint={"claim": "weights", "existing": True},
    )
    assert uris(found) == {
        "multimodal": "pvc://models-2/a/b",
        "asr": "pvc://models-2/a/b",
        "decoder-llmisvc": "pvc://weights/checkpoint",
        "decoder-llmisvc-vllm": "pvc://weights/checkpoint",
    }
    for name in ("multimodal", "asr"):
        pod = found[f"InferenceService/{name}"]["spec"]["predictor"]
        claims = [
            each["persistentVolumeClaim"]["claimName"]
            for each in pod["volumes"]
            if "persistentVolumeClaim" in each
        ]
        assert claims == ["models-2"]
        assert "--mounted=models-2=/mnt/model-repository" in pod["initContainers"][0]["args"]
    volumes = {name: each for name, each in found.items() if name.startswith("Persistent")}
    assert list(volumes) == ["PersistentVolumeClaim/models-2"]
    spec = volumes["PersistentVolumeClaim/models-2"]["spec"]
    assert spec == {
        "accessModes": ["ReadOnlyMany"],
        "resources": {"requests": {"storage": "7Gi"}},
        "storageClassName": "fast",
    }
    assert "model-repository/" not in str(found)


@pytest.mark.parametrize("components", [(), ("verify",), ("model-cache",), ("canary",)])
def test_a_bucket_is_covered_by_what_pulls_from_it(components: tuple[str, ...]) -> None:
    given = {"bucket": "s3://mine/team/x"}
    found = objects(
        overlay="gpu", services=["multimodal", "asr"], components=[*components], repository=given
    )
    canary = {"multimodal/next": "s3://mine/team/x/next"} if "canary" in components else {}
    there = uris(found)
    assert there == {
        "multimodal": "s3://mine/team/x/models",
        "asr": "s3://mine/team/x/models",
        **canary,
    }
    assert "s3://models" not in str(found)
    assert not any(name.startswith("PersistentVolumeClaim") for name in found)
    containers = {
        each["metadata"]["name"]: each["spec"]
        for each in found.values()
        if each["kind"] == "ClusterStorageContainer"
    }
    assert len(containers) >= 1
    for spec in containers.values():
        prefix = spec["supportedUriFormats"][0]["prefix"]
        assert all(uri.startswith(prefix) for uri in there.values()) and prefix.endswith("/")
    for each in found.values():
        if each["kind"] == "InferenceService":
            assert each["spec"]["predictor"]["storageContainerName"] in containers
        if each["kind"] == "LocalModelNamespaceCache":
            assert each["spec"]["sourceModelUri"] == "s3://mine/team/x/models"


def test_the_fence_lets_the_gateways_namespace_in() -> None:
    found = objects(
        overlay="gpu",
        components=["network-policies"],
        gateway={"name": "edge/public", "domain": "team.example"},
    )
    (rule,) = found["NetworkPolicy/from-gateway"]["spec"]["ingress"]
    names = [
        each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for each in rule["from"]
    ]
    assert len(names) == len(set(names)) > 1 and "edge" in names


def test_a_service_of_kserves_own_kind_may_stand_alone_behind_the_fence() -> None:
    """No policy or monitor of the components is refused for want of an InferenceService."""
    found = objects(
        overlay="gpu",
        services=["decoder-llmisvc"],
        components=["network-policies", "monitoring", "spread", "restricted"],
    )
    assert "NetworkPolicy/to-object-store" in found
    assert not any(name.startswith("InferenceService/") for name in found)


def test_a_canary_stays_beside_the_claims_repository() -> None:
    found = objects(overlay="gpu", components=["canary"], repository={"claim": "b", "folder": "v7"})
    assert uris(found)["multimodal"] == "pvc://b/v7"
    assert uris(found)["multimodal/next"] == "pvc://b/next"


WORDS = ("n", "y", "on", "null", "true", "1e3", "0x1f", "0o7", "017", "1-2", "2026-12-01", "5")
"""What YAML 1.1 or 1.2 takes for something else than text."""


@pytest.mark.parametrize(
    "first", [each if each in (0, 6) else pytest.param(each, marks=SLOW) for each in range(12)]
)
def test_a_name_that_yaml_might_read_otherwise_stays_a_name(first: int) -> None:
    """Each word in some place by default, and in every place with the slow tests."""
    namespace, claim, folder, kind, tag, secret, owner, gateway, domain, *_ = (
        *WORDS[first:],
        *WORDS[:first],
    )
    found = objects(
        overlay="gpu",
        namespace=namespace,
        services=["multimodal"],
        repository={"claim": claim, "folder": folder, "storageClass": kind},
        images={"triton-multimodal-kit": f"r.example/kit:{tag}"},
        pullSecret=secret,
        gateway={"name": f"{owner}/{gateway}", "domain": domain},
    )
    assert found[f"Namespace/{namespace}"]
    spec = found[f"PersistentVolumeClaim/{claim}"]["spec"]
    assert spec["storageClassName"] == kind
    runtime = found["ServingRuntime/triton-multimodal"]
    assert runtime["metadata"]["namespace"] == namespace
    assert runtime["spec"]["imagePullSecrets"] == [{"name": secret}]
    assert runtime["spec"]["containers"][0]["image"] == f"r.example/kit:{tag}"
    assert uris(found) == {"multimodal": f"pvc://{claim}/{folder}"}
    route = found["HTTPRoute/multimodal-route"]["spec"]
    assert route["hostnames"] == [f"multimodal.{domain}"]
    parent = route["parentRefs"][0]
    assert (parent["namespace"], parent["name"]) == (owner, gateway)


def test_a_slice_takes_the_place_of_the_components() -> None:
    found = objects(overlay="gpu-mig", gpu={"type": "h200-141gb", "slice": "2g.35gb"})
    spec = found["ServingRuntime/triton-multimodal"]["spec"]
    resources = spec["containers"][0]["resources"]
    assert resources["limits"]["nvidia.com/mig-2g.35gb"] == "1"
    assert resources["requests"]["nvidia.com/mig-2g.35gb"] == "1"
    assert "1g.10gb" not in str(found)
    assert '"nvidia.com/mig-2g.35gb"' in spec["annotations"]["serving.kserve.io/gpu-resource-types"]


def test_replicas_are_those_of_each_kind() -> None:
    given = {"ocr": 3, "decoder-trtllm-multi-node": 2}
    found = objects(overlay="gpu", services=[*given], replicas=given)
    assert found["InferenceService/ocr"]["spec"]["predictor"]["minReplicas"] == 3
    assert found["LLMInferenceService/decoder-trtllm-multi-node"]["spec"]["replicas"] == 2


def test_without_a_renderer_one_sentence_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = call("--values", VALUES[0])
    assert result.exit_code == 1 and result.stdout == ""
    assert "expected kustomize or kubectl on PATH, found neither. Install" in result.stderr


def test_what_kustomize_refuses_is_told_and_nothing_is_printed(tmp_path: Path) -> None:
    copy = tmp_path / "kserve"
    shutil.copytree(FOLDER, copy)
    (copy / "base/namespace/namespace.yaml").write_text("kind: Namespace\n")
    result = call("--values", VALUES[0], "--kserve", copy)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("error: kubectl refuses the overlay: accumulating resources")
    assert "namespace.yaml" in result.stderr
    (copy / "base/namespace/namespace.yaml").unlink()
    missing = call("--values", VALUES[0], "--kserve", copy)
    assert missing.exit_code == 1 and missing.stdout == ""
    assert "namespace.yaml: expected YAML of the bundle, found [Errno 2]" in missing.stderr


def test_what_breaks_a_rule_of_the_bundle_is_not_printed(tmp_path: Path) -> None:
    """Here a bundle whose component looks at another claim than the one that is served."""
    copy = tmp_path / "kserve"
    shutil.copytree(FOLDER, copy)
    broken = copy / "components" / "verify" / "kustomization.yaml"
    broken.write_text(broken.read_text().replace("claimName: model-repository", "claimName: other"))
    values = tmp_path / "values.yaml"
    values.write_text("{overlay: gpu, components: [verify]}")
    result = call("--values", values, "--kserve", copy)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("error: InferenceService/multimodal: ")
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and all(each.startswith("error: InferenceService/") for each in lines)
    assert all("repository-to-verify" in each for each in lines)


def test_kustomize_is_used_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "kustomize"
    tool.write_text(f'#!/bin/sh\necho "# $1"\n{shutil.which("kubectl")} kustomize "$2"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    output = call("--values", VALUES[0]).stdout
    assert output.startswith("# build\n") and "kind: Namespace" in output


def test_objects_go_into_a_file_whole(tmp_path: Path) -> None:
    result = call("--values", VALUES[0], "--out", tmp_path / "all.yaml")
    assert result.exit_code == 0
    assert (tmp_path / "all.yaml").read_bytes() == shipped(VALUES[0].stem)
    assert call("--values", VALUES[0], "--out", tmp_path / "no" / "all.yaml").exit_code == 1


def test_what_a_kustomization_names_is_known_to_the_writer() -> None:
    """A key that names files, and that the writer does not move, would name them wrongly."""
    moved = {"resources", "components", "configurations", "patches", "replacements"}
    plain = {"apiVersion", "kind", "namespace", "images"}
    for name in PARTS.overlays:
        assert kustomization(FOLDER / "overlays" / name).keys() <= moved | plain


def test_the_namespace_is_where_kustomize_does_not_look_by_itself() -> None:
    found = objects(
        overlay="gpu", namespace="team-a", components=["monitoring", "keda", "object-store"]
    )
    text = str(found)
    assert 'namespace="team-a",pod=~"ocr-predictor-.+"' in text
    assert 'namespace="multimodal"' not in text
    assert "ClusterStorageContainer/model-repository.team-a" in found
