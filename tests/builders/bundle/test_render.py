"""What is rendered is kustomize's, byte for byte; the overlay that is written gives the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from builders.bundle import overlay, render
from builders.bundle.parts import FOLDER, Parts, kustomization
from builders.bundle.values import Values, load_values
from builders.cli import app

PARTS = Parts.at(FOLDER)
VALUES = sorted((FOLDER / "values").glob("*.yaml"))


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["manifests", *(str(each) for each in arguments)])


def by_hand(folder: Path) -> bytes:
    return subprocess.run([*render.renderer(), folder], capture_output=True, check=True).stdout


def objects(**given: Any) -> dict[str, dict[str, Any]]:
    """What values give, by ``Kind/name``."""
    output = render.rendered(Values.model_validate(given), PARTS)
    every = [each for each in yaml.safe_load_all(output) if each]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in every}


def test_there_is_a_values_file_for_each_overlay() -> None:
    assert {path.stem for path in VALUES} == set(PARTS.overlays)


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_a_values_file_gives_exactly_its_overlays_objects(path: Path) -> None:
    result = call("--values", path)
    assert result.exit_code == 0
    assert result.stdout_bytes == by_hand(FOLDER / "overlays" / path.stem)
    assert len(result.stdout_bytes) > 2000


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_an_overlay_that_is_written_out_gives_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is for other services than the overlay's own."""
    monkeypatch.setattr(overlay._Overlay, "_is_as_shipped", lambda _: False)
    values = load_values(path, PARTS)
    assert f"{values.overlay}/kustomization.yaml" in overlay.overlay_of(values, PARTS, FOLDER)
    assert render.rendered(values, PARTS) == by_hand(FOLDER / "overlays" / path.stem)


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
    """The README's example, written both ways."""
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
    kinds = {kind: set() for kind in ("InferenceService", "ServingRuntime", "InferenceGraph")}
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


def test_pull_secrets_reach_every_service() -> None:
    services = ["multimodal", "decoder-vllm", "decoder-trtllm-multi-node"]
    found = objects(overlay="gpu", services=services, pullSecrets=["a", "b"])
    wanted = [{"name": "a"}, {"name": "b"}]
    pods = [
        each["spec"][pod]
        for each in found.values()
        for pod in ("predictor", "template", "worker")
        if each["kind"].endswith("InferenceService") and pod in each["spec"]
    ]
    assert len(pods) == 4
    assert all(each["imagePullSecrets"] == wanted for each in pods)


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
    assert "refuses the overlay" in result.stderr and "namespace.yaml" in result.stderr
    (copy / "base/namespace/namespace.yaml").unlink()
    missing = call("--values", VALUES[0], "--kserve", copy)
    assert missing.exit_code == 1 and missing.stdout == ""
    assert "namespace.yaml: expected YAML of the bundle, found [Errno 2]" in missing.stderr


def test_kustomize_is_used_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "kustomize"
    tool.write_text('#!/bin/sh\necho "# $1"\ncat "$2/kustomization.yaml"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    output = call("--values", VALUES[0]).stdout
    assert output.startswith("# build\n") and "kind: Kustomization" in output


def test_objects_go_into_a_file_whole(tmp_path: Path) -> None:
    result = call("--values", VALUES[0], "--out", tmp_path / "all.yaml")
    assert result.exit_code == 0
    assert (tmp_path / "all.yaml").read_bytes() == by_hand(FOLDER / "overlays" / VALUES[0].stem)
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
