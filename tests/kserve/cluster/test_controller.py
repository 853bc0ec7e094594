"""The simulated cluster makes what KServe's own tests expect of it, and what was seen of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.kserve import render
from tests.kserve.cluster.controller import Cluster, Pod, predictors, selects, template_hash
from tests.kserve.edits import edited
from tests.kserve.schemas.strategic import merged

Object = dict[str, Any]

RUNTIME: Object = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ServingRuntime",
    "metadata": {"name": "triton", "namespace": "a", "labels": {"not": "passed on"}},
    "spec": {
        "labels": {"engine": "triton", "tier": "runtime"},
        "annotations": {"prometheus.kserve.io/port": "8002"},
        "imagePullSecrets": [{"name": "one"}],
        "tolerations": [{"key": "x"}],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "priorityClassName": "no such field reaches the pod",
        "containers": [
            {
                "name": "kserve-container",
                "image": "triton:1",
                "args": ["tritonserver", "--id={{.Name}}.{{.Namespace}}"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "resources": {"limits": {"memory": "1Gi", "cpu": "1"}},
                "ports": [
                    {"name": "http1", "containerPort": 8080},
                    {"name": "h2c", "containerPort": 9000},
                    {"name": "metrics", "containerPort": 8002},
                ],
            }
        ],
    },
}
SERVICE: Object = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": "read",
        "namespace": "a",
        "labels": {"tier": "service", "team": "x"},
        "annotations": {
            "serving.kserve.io/deploymentMode": "Standard",
            "serving.kserve.io/autoscalerClass": "none",
            "autoscaling.knative.dev/min-scale": "1",
        },
    },
    "spec": {
        "predictor": {
            "minReplicas": 2,
            "priorityClassName": "high",
            "tolerations": [{"key": "y"}],
            "imagePullSecrets": [{"name": "two"}],
            "labels": {"team": "y"},
            "model": {
                "modelFormat": {"name": "triton"},
                "runtime": "triton",
                "storageUri": "pvc://claim/some/models",
                "args": ["--log-info=true"],
                "env": [{"name": "B", "value": "3"}],
                "resources": {"limits": {"memory": "2Gi"}},
            },
        }
    },
}
PREDICTOR = "spec predictor"
ANNOTATION = "metadata annotations serving.kserve.io/"


def cluster(edits: Object | None = None, *more: Object, replicas: int = 1) -> Cluster:
    return Cluster([RUNTIME, edited(SERVICE, edits or {}), *more], replicas)


def names(found: Cluster) -> list[str]:
    return [f"{each['kind']}/{each['metadata']['name']}" for each in found.made]


def container(pod: Pod) -> Object:
    (found,) = (each for each in pod.spec["containers"] if each["name"] == "kserve-container")
    return dict(found)


def test_standard_mode_makes_a_deployment_and_a_service_of_one_name() -> None:
    """As rawkube_controller_test.go of KServe expects them."""
    found = cluster()
    assert names(found) == ["Deployment/read-predictor", "Service/read-predictor"]
    deployment, service = found.made
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["selector"] == {"matchLabels": {"app": "isvc.read-predictor"}}
    assert service["spec"]["selector"] == {"app": "isvc.read-predictor"}
    assert [(each["name"], each["port"]) for each in service["spec"]["ports"]] == [
        ("http1", 80),
        ("h2c", 9000),
        ("metrics", 8002),
    ]
    h2c = [each.get("appProtocol") for each in service["spec"]["ports"]]
    assert h2c == [None, "kubernetes.io/h2c", None]
    assert found.behind(service) == found.pods


def test_a_pods_labels_are_the_runtimes_the_services_and_the_predictors() -> None:
    """The later ones win; a runtime's own metadata stays behind."""
    first, second = cluster().pods
    assert first.name != second.name
    assert first.name.startswith("read-predictor-")
    digest = first.labels["pod-template-hash"]
    assert first.name.removeprefix("read-predictor-").startswith(digest)
    assert {key: value for key, value in first.labels.items() if key != "pod-template-hash"} == {
        "app": "isvc.read-predictor",
        "component": "predictor",
        "engine": "triton",
        "serving.kserve.io/inferenceservice": "read",
        "team": "y",
        "tier": "service",
    }
    annotations = first.metadata["annotations"]
    assert annotations["prometheus.kserve.io/port"] == "8002"
    assert "autoscaling.knative.dev/min-scale" not in annotations
    assert annotations["internal.serving.kserve.io/storage-initializer-sourceuri"] == (
        "pvc://claim/some/models"
    )


def test_a_pod_is_the_service_laid_over_its_runtime() -> None:
    pod = cluster().pods[0]
    assert pod.spec["tolerations"] == [{"key": "y"}], "replaced, as it has no merge key"
    assert pod.spec["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert pod.spec["priorityClassName"] == "high"
    main = container(pod)
    assert main["args"] == ["tritonserver", "--id=read.a", "--log-info=true"]
    assert {each["name"]: each["value"] for each in main["env"]} == {
        "A": "1",
        "B": "3",
        "INFERENCE_SERVICE_NAME": "read",
    }
    assert main["resources"]["limits"] == {"memory": "2Gi", "cpu": "1"}
    without = cluster({f"{PREDICTOR} priorityClassName": None}).pods[0]
    assert "priorityClassName" not in without.spec, "a runtime's does not reach the pod"


def test_a_claim_is_mounted_and_an_address_is_pulled() -> None:
    pod = cluster().pods[0]
    assert container(pod)["volumeMounts"] == [
        {
            "name": "kserve-pvc-source",
            "mountPath": "/mnt/models",
            "subPath": "some/models",
            "readOnly": True,
        }
    ]
    assert pod.spec["volumes"][-1]["persistentVolumeClaim"] == {"claimName": "claim"}
    assert "initContainers" not in pod.spec
    pulled = cluster({f"{PREDICTOR} model storageUri": "s3://a/b"}).pods[0]
    (init,) = pulled.spec["initContainers"]
    assert init["args"] == ["s3://a/b", "/mnt/models"]
    image = cluster({f"{PREDICTOR} model storageUri": "oci://a/b"}).pods[0]
    assert [each["name"] for each in image.spec["containers"]] == ["kserve-container", "modelcar"]


def test_a_storage_container_is_laid_over_the_initializer() -> None:
    mine = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": "mine"},
        "spec": {"container": {"name": "storage-initializer", "image": "mine:1"}},
    }
    uri = {f"{PREDICTOR} model storageUri": "s3://a/b"}
    (init,) = (
        cluster({**uri, f"{PREDICTOR} storageContainerName": "mine"}, mine).pods[0].containers[:1]
    )
    assert (init["image"], init["args"]) == ("mine:1", ["s3://a/b", "/mnt/models"])
    assert "image" not in cluster(uri, mine).pods[0].containers[0]


def test_autoscalers_are_as_the_annotation_says() -> None:
    assert "HorizontalPodAutoscaler/read-predictor" in names(
        cluster({f"{ANNOTATION}autoscalerClass": None})
    )
    assert len(names(cluster({f"{ANNOTATION}autoscalerClass": "external"}))) == 2
    metric = {"backend": "prometheus", "serverAddress": "http://p", "query": "up"}
    scaling = {
        "metrics": [{"type": "External", "external": {"metric": metric, "target": {"value": "4"}}}]
    }
    keda = {f"{ANNOTATION}autoscalerClass": "keda", f"{PREDICTOR} autoScaling": scaling}
    (scaled,) = cluster(keda).of_kind("ScaledObject")
    assert scaled["spec"]["triggers"] == [
        {
            "type": "prometheus",
            "metadata": {"serverAddress": "http://p", "query": "up", "threshold": "4"},
        }
    ]
    assert (scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]) == (2, 2)


def test_a_canary_is_a_predictor_of_its_own_without_an_autoscaler_of_its_own() -> None:
    """K3: with KEDA it becomes a ScaledObject without a trigger, which KEDA refuses."""
    canary = {"name": "next", "minReplicas": 1, "model": {"storageUri": "pvc://claim/next"}}
    edits: Object = {"spec canary": [{"trafficPercent": 10, "predictor": canary}]}
    found = cluster(edits)
    assert [each.workload for each in found.pods] == ["read-predictor", "read-next-predictor"]
    stable, other = found.pods
    assert other.labels["app"] == "isvc.read-next-predictor"
    assert other.labels["serving.kserve.io/inferenceservice"] == "read"
    assert container(other)["volumeMounts"][0]["subPath"] == "next"
    assert container(other)["args"] == container(stable)["args"]
    keda = cluster({**edits, f"{ANNOTATION}autoscalerClass": "keda"})
    assert [each["spec"]["triggers"] for each in keda.of_kind("ScaledObject")] == [[], []]
    share = edited(SERVICE, {"spec canary": [{"trafficPercent": 60, "predictor": {"name": "n"}}]})
    assert [extension["minReplicas"] for _, extension in predictors(share)] == [1, 2]


def test_a_cached_address_is_a_claim_and_a_canary_keeps_the_label() -> None:
    """K4: a canary's address is cut where the cached one ends, also within a word."""
    cache = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LocalModelCache",
        "metadata": {"name": "cache"},
        "spec": {"sourceModelUri": "s3://a/b", "nodeGroups": ["gpu"]},
    }
    uri = f"{PREDICTOR} model storageUri"
    pod = cluster({uri: "s3://a/b/c"}, cache).pods[0]
    assert pod.spec["volumes"][-1]["persistentVolumeClaim"] == {"claimName": "cache-gpu"}
    key, _, rest = container(pod)["volumeMounts"][0]["subPath"][len("models/") :].partition("/")
    assert (len(key), rest) == (16, "c")
    assert cluster({uri: "s3://a/bc"}, cache).pods[0].spec["initContainers"]
    predictor = {"name": "next", "minReplicas": 1, "model": {"storageUri": "s3://a/b-next"}}
    edits: Object = {uri: "s3://a/b", "spec canary": [{"predictor": predictor}]}
    other = cluster(edits, cache).pods[-1]
    assert container(other)["volumeMounts"][0]["subPath"].endswith("/-next")


def test_knative_mode_makes_a_revision_whose_pods_keep_the_labels() -> None:
    found = cluster({f"{ANNOTATION}deploymentMode": "Knative", f"{PREDICTOR} minReplicas": 0})
    (pod,) = found.pods
    assert names(found) == [
        "KnativeService/read-predictor",
        "Deployment/read-predictor-00001-deployment",
    ]
    assert pod.labels["app"] == pod.labels["serving.knative.dev/revision"] == "read-predictor-00001"
    assert pod.labels["serving.kserve.io/inferenceservice"] == "read"
    assert [each["name"] for each in pod.spec["containers"]] == ["kserve-container", "queue-proxy"]


def test_pods_of_the_bundles_other_kinds() -> None:
    """By names that KServe's and the operators' own sources give them."""
    shipped = render.shipped(
        "base/graph",
        "base/services/decoder-llmisvc",
        "base/services/decoder-trtllm-multi-node",
        "overlays/local-cpu",
        components=("tracing",),
    )
    pods = {each.workload: each for each in Cluster(shipped).pods}
    assert pods.keys() == {
        "decoder-llmisvc-kserve",
        "decoder-llmisvc-vllm-kserve",
        "decoder-llmisvc-vllm-kserve-router-scheduler",
        "decoder-trtllm-multi-node-kserve-mn",
        "multimodal-predictor",
        "ocr-overflow",
        "traces-collector",
    }
    assert pods["ocr-overflow"].labels["serving.kserve.io/inferencegraph"] == "ocr-overflow"
    assert pods["ocr-overflow"].labels["app"] == "isvc.ocr-overflow"
    assert pods["traces-collector"].labels["app.kubernetes.io/name"] == "traces-collector"
    llm = pods["decoder-llmisvc-kserve"].labels
    assert llm["app.kubernetes.io/component"] == "llminferenceservice-workload"
    assert "triton-multimodal-kit" not in str(llm), "labels of its metadata stay behind"
    group = [each.name for each in Cluster(shipped).pods if "multi-node" in each.workload]
    head = "decoder-trtllm-multi-node-kserve-mn-0"
    assert group == [head, f"{head}-1"]
    found = Cluster(shipped)
    behind = {
        each["metadata"]["name"]: {pod.workload for pod in found.behind(each)}
        for each in found.of_kind("Service")
    }
    assert behind["decoder-trtllm-multi-node-kserve-workload-svc"] == {
        "decoder-trtllm-multi-node-kserve-mn"
    }
    assert all(behind.values()), "every Service has pods"


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchLabels": {"a": "1", "c": "3"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "c", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_selector_matches_as_in_kubernetes(selector: Object, holds: bool) -> None:
    assert selects(selector, {"a": "1", "b": "2"}) is holds


def test_a_merge_goes_by_keys_and_changes_nothing_that_it_was_given() -> None:
    base = {"volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}], "command": ["a"]}
    patch = {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b"}], "command": ["b"]}
    before = copy.deepcopy((base, patch))
    assert merged(base, patch) == {
        "volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "b"}],
        "command": ["b"],
    }
    assert (base, patch) == before


def test_templates_that_differ_have_other_hashes() -> None:
    one, other = {"spec": {"a": 1}}, {"spec": {"a": 2}}
    assert template_hash(one) == template_hash(copy.deepcopy(one)) != template_hash(other)
