"""A simulated cluster: what KServe 0.20 makes of a bundle, down to pods by name and labels.

``Cluster(objects)`` has the objects that were applied and what controllers make of them:
Deployments, Services, autoscalers, Knative's Services and revisions, LeaderWorkerSets, and pods.
Each function names where KServe v0.20.0 (commit 1fb7810) says so; ``ISVC`` below is
pkg/controller/v1beta1/inferenceservice, ``LLM`` pkg/controller/v1alpha2/llmisvc. What an admission
webhook, a scheduler or a kubelet adds besides is left out, unless a rule looks at it.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.kserve.schemas.strategic import merged

Object = dict[str, Any]

SERVICE = "serving.kserve.io/inferenceservice"
GRAPH = "serving.kserve.io/inferencegraph"
MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER = "serving.kserve.io/autoscalerClass"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
STORAGE_CONTAINER = "internal.serving.kserve.io/storage-container-name"
CACHE = "internal.serving.kserve.io/localmodel"
OF_CACHE = ("sourceuri", "pvc-name")
CONTAINER = "kserve-container"
MODELS = "/mnt/models"

NOT_PASSED_ON = frozenset(
    {
        "autoscaling.knative.dev/min-scale",
        "autoscaling.knative.dev/max-scale",
        SOURCE,
        "kubectl.kubernetes.io/last-applied-configuration",
        "serving.kserve.io/model-format",
    }
)
"""pkg/constants/constants.go ServiceAnnotationDisallowedList"""

RUNTIME = (
    *("nodeSelector", "affinity", "tolerations", "volumes", "imagePullSecrets", "schedulerName"),
)
"""What of a ServingRuntime's pod reaches the pod: ISVC/utils/utils.go MergePodSpec"""

OWN = frozenset(
    (
        *("model", "name", "labels", "annotations", "minReplicas", "maxReplicas", "scaleTarget"),
        *("scaleMetric", "autoScaling", "containerConcurrency", "timeout", "canaryTrafficPercent"),
        *("logger", "batcher", "deploymentStrategy", "storageUris", "storageContainerName"),
    )
)
"""Fields of a predictor that are not its pod's: predictor.go, component.go of v1beta1"""

MODEL = frozenset(
    ("modelFormat", "runtime", "runtimeVersion", "protocolVersion", "storageUri", "storage")
)
"""Fields of a predictor's model beside its container's."""

DROPPED: Object = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}
SANDBOXED: Object = {**DROPPED, "seccompProfile": {"type": "RuntimeDefault"}}

QUEUE_PROXY: Object = {"name": "queue-proxy", "securityContext": SANDBOXED}
"""knative/serving v1.23 pkg/reconciler/revision/resources/queue.go queueSecurityContext"""

INITIALIZER: Object = {"name": "storage-initializer"}
"""pkg/utils/storage.go CreateInitContainerWithConfig: no security context of its own"""

MODELCAR: Object = {"name": "modelcar"}
"""pkg/utils/storage.go CreateModelcarContainer: a user at most"""

RDMA = ["IPC_LOCK", "SYS_RAWIO", "NET_RAW"]
"""config/llmisvcconfig/config-llm-worker-data-parallel.yaml, of leader and worker"""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One replica.

    Attributes:
        owner: the object that was applied, ``InferenceService/multimodal``; a part of one after it.
        workload: the Deployment or LeaderWorkerSet.
        metadata: name, namespace, labels and annotations.
        spec: its PodSpec.
    """

    owner: str
    workload: str
    metadata: Object
    spec: Object

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.metadata["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.metadata.get("namespace", "default"))

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return dict(self.metadata["labels"])

    @property
    def containers(self) -> list[Object]:
        """Init containers, then the others."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for each in selector.get("matchExpressions", ()):
        key, values = each["key"], each.get("values", ())
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds[each["operator"]]:
            return False
    return True


class Cluster:
    """Objects that are applied together, and what controllers make of them.

    Args:
        objects: the rendered bundle.
        replicas: pods of each Deployment that an autoscaler does not hold at a number.
    """

    def __init__(self, objects: list[Object], replicas: int = 1) -> None:
        self.applied = objects
        self._replicas = replicas

    @cached_property
    def made(self) -> list[Object]:
        """What controllers make, without ReplicaSets and pods."""
        return [each for applied in self.applied for each in self._made(applied)]

    @cached_property
    def pods(self) -> list[Pod]:
        """Every replica of every workload."""
        workloads = (*self.made, *(each for each in self.applied if each["kind"] == "Deployment"))
        return [pod for each in workloads for pod in self._pods(each)]

    def of_kind(self, kind: str) -> list[Object]:
        """Objects of a kind, applied or made."""
        return [each for each in (*self.applied, *self.made) if each["kind"] == kind]

    def named(self, kind: str, name: str, namespace: str | None) -> Object | None:
        """The object of a kind and name in a namespace, applied or made."""
        for each in self.of_kind(kind):
            metadata = each["metadata"]
            if metadata["name"] == name and metadata.get("namespace") == namespace:
                return each
        return None

    def selected(self, selector: Mapping[str, Any], namespace: str | None) -> list[Pod]:
        """The pods of a namespace that a label selector matches."""
        return [
            each
            for each in self.pods
            if each.metadata.get("namespace") == namespace and selects(selector, each.labels)
        ]

    def behind(self, service: Object) -> list[Pod]:
        """The pods that a Service passes requests on to."""
        selector = {"matchLabels": service["spec"]["selector"]}
        return self.selected(selector, service["metadata"].get("namespace"))

    def _made(self, applied: Object) -> Iterator[Object]:
        kind = applied["kind"]
        if kind == "InferenceService":
            service = self._cached(applied)
            for predictor, extension in predictors(service):
                yield from self._of_predictor(service, predictor, extension)
        elif kind == "InferenceGraph":
            yield from _of_graph(applied)
        elif kind == "LLMInferenceService":
            yield from _of_llm(applied)
        elif kind == "OpenTelemetryCollector":
            yield from _of_collector(applied)

    def _of_predictor(
        self, service: Object, predictor: Object, extension: Object
    ) -> Iterator[Object]:
        """ISVC/components/predictor.go buildPredictorResources."""
        runtime = self._runtime(service, predictor)
        metadata = predictor_metadata(service, predictor, runtime)
        spec = self._injected(pod_spec(service, predictor, runtime), metadata)
        if metadata["annotations"].get(MODE) == "Knative":
            yield from _knative(metadata, extension, spec)
        else:
            yield from _raw(_owner(service), metadata, extension, spec)

    def _runtime(self, service: Object, predictor: Object) -> Object:
        name = (predictor.get("model") or {}).get("runtime")
        namespace = service["metadata"].get("namespace")
        for each in self.applied:
            metadata = each["metadata"]
            there = (each["kind"], metadata["name"], metadata.get("namespace"))
            if there == ("ServingRuntime", name, namespace):
                return dict(each["spec"])
        return {}

    def _injected(self, spec: Object, metadata: Object) -> Object:
        """pkg/webhook/admission/pod/storage_initializer_injector.go CommonStorageInitialization."""
        uri = metadata["annotations"].get(SOURCE, "")
        if CACHE in metadata["labels"]:
            source, claim = (metadata["annotations"][f"{CACHE}-{each}"] for each in OF_CACHE)
            key = hashlib.sha256(source.encode()).hexdigest()[:16]
            path = uri.removeprefix(source)
            uri = f"pvc://{claim}/models/{key}/{path.removeprefix('/')}"
        if uri.startswith("oci://"):
            return {**spec, "containers": [*spec["containers"], MODELCAR]}
        scheme, _, rest = uri.partition("://")
        volume: Object = {"name": "kserve-provision-location", "emptyDir": {}}
        mount: Object = {"name": volume["name"], "mountPath": MODELS, "readOnly": True}
        added: list[Object] = []
        if scheme == "pvc":
            claim, _, path = rest.partition("/")
            volume = {"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": claim}}
            mount = {**mount, "name": volume["name"], "subPath": path}
        elif uri:
            own = self._initializer(metadata["annotations"].get(STORAGE_CONTAINER))
            writes = {**mount, "readOnly": False}
            given = {"name": "storage-initializer", "args": [uri, MODELS], "volumeMounts": [writes]}
            added = [merged(given, own)]
        else:
            return spec
        served = [
            {**each, "volumeMounts": [*each.get("volumeMounts", ()), mount]}
            if each["name"] == CONTAINER
            else each
            for each in spec["containers"]
        ]
        inits = [*spec.get("initContainers", ()), *added]
        result = {**spec, "containers": served, "volumes": [*spec.get("volumes", ()), volume]}
        return {**result, "initContainers": inits} if inits else result

    def _cached(self, service: Object) -> Object:
        """pkg/apis/serving/v1beta1/inference_service_defaults.go setLocalModelLabel.

        The stable predictor's address decides, and a canary's pods have the labels too.
        """
        own = service["metadata"]
        group = own.get("annotations", {}).get("serving.kserve.io/nodegroup")
        uri = (service["spec"]["predictor"].get("model") or {}).get("storageUri", "").rstrip("/")
        for each in self._caches(own.get("namespace")):
            # MatchStorageURI of local_model_cache_types.go: whole, or up to a slash.
            source, groups = each["spec"]["sourceModelUri"], each["spec"]["nodeGroups"]
            below = f"{uri}/".startswith(source.rstrip("/") + "/")
            if below and (group is None or group in groups):
                claim = f"{each['metadata']['name']}-{group or groups[0]}"
                added = {
                    f"{CACHE}-{name}": text
                    for name, text in zip(OF_CACHE, (source, claim), strict=True)
                }
                labels = {**own.get("labels", {}), CACHE: each["metadata"]["name"]}
                annotations = {**own.get("annotations", {}), **added}
                return {
                    **service,
                    "metadata": {**own, "labels": labels, "annotations": annotations},
                }
        return service

    def _caches(self, namespace: str | None) -> Iterator[Object]:
        """Caches that a service of a namespace may use, in the order in which they are asked."""
        for each in self.applied:
            own = each["metadata"].get("namespace")
            if each["kind"] == "LocalModelNamespaceCache" and own == namespace:
                yield each
        yield from (each for each in self.applied if each["kind"] == "LocalModelCache")

    def _initializer(self, name: str | None) -> Object:
        """The storage container that a service names, or else KServe's own."""
        for each in self.applied:
            if each["kind"] == "ClusterStorageContainer" and each["metadata"]["name"] == name:
                return dict(each["spec"]["container"])
        return INITIALIZER

    def _pods(self, made: Object) -> Iterator[Pod]:
        spec = made["spec"]
        if made["kind"] == "Deployment":
            count = spec.get("replicas")
            for index in range(self._replicas if count is None else count):
                yield _replica(made, spec["template"], f"{index:05d}")
        elif made["kind"] == "LeaderWorkerSet":
            template = spec["leaderWorkerTemplate"]
            for group in range(spec.get("replicas", 1)):
                for index in range(template["size"]):
                    part = "workerTemplate" if index else "leaderTemplate"
                    yield _member(made, template[part], group, index)


def _owner(manifest: Object) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def predictors(service: Object) -> Iterator[tuple[Object, Object]]:
    """Each predictor of a service, with what its replicas and autoscaler come from.

    ISVC/components/predictor.go reconcileRawDeployment, which takes a canary's replicas off the
    stable predictor's, and reconcileCanaryDeployments, which hands on ``minReplicas`` alone.
    """
    stable = service["spec"]["predictor"]
    standard = service["metadata"].get("annotations", {}).get(MODE) != "Knative"
    canaries = service["spec"].get("canary", ()) if standard else ()
    counts = [_canary_replicas(stable, each) for each in canaries]
    extension = dict(stable)
    if counts and "minReplicas" in stable:
        extension["minReplicas"] = max(1, stable["minReplicas"] - sum(counts))
    yield stable, extension
    for each, count in zip(canaries, counts, strict=True):
        yield merged(stable, each["predictor"]), {"minReplicas": count}


def _canary_replicas(stable: Object, canary: Object) -> int:
    """canaryReplicaCount: its own number, or its share, rounded up."""
    if "minReplicas" in canary["predictor"]:
        return int(canary["predictor"]["minReplicas"])
    return -(-int(stable.get("minReplicas", 1)) * int(canary.get("trafficPercent", 0)) // 100)


def predictor_name(service: Object, predictor: Object) -> str:
    """pkg/constants/constants.go PredictorServiceName."""
    parts = (service["metadata"]["name"], predictor.get("name"), "predictor")
    return "-".join(each for each in parts if each)


def predictor_metadata(service: Object, predictor: Object, runtime: Object) -> Object:
    """ISVC/components/predictor.go buildObjectMeta: of the Deployment, the Service and the pods."""
    own = service["metadata"]
    model = predictor.get("model") or {}
    storage = {
        SOURCE: model.get("storageUri"),
        STORAGE_CONTAINER: predictor.get("storageContainerName") if model else None,
    }
    return {
        "name": predictor_name(service, predictor),
        "namespace": own.get("namespace"),
        "labels": {
            **runtime.get("labels", {}),
            **own.get("labels", {}),
            **predictor.get("labels", {}),
            SERVICE: own["name"],
            "component": "predictor",
        },
        "annotations": {
            **_passed_on(runtime.get("annotations", {})),
            **_passed_on(own.get("annotations", {})),
            **{key: value for key, value in storage.items() if value},
            **_passed_on(predictor.get("annotations", {})),
        },
    }


def _passed_on(annotations: Object) -> Object:
    return {key: value for key, value in annotations.items() if key not in NOT_PASSED_ON}


def pod_spec(service: Object, predictor: Object, runtime: Object) -> Object:
    """buildPodSpec: MergePodSpec, MergeRuntimeContainers, ReplacePlaceholders."""
    of_runtime = {key: runtime[key] for key in RUNTIME if key in runtime}
    result: Object = merged(
        of_runtime, {key: value for key, value in predictor.items() if key not in OWN}
    )
    base: Object = next(
        (each for each in runtime.get("containers", ()) if each["name"] == CONTAINER), {}
    )
    own = predictor.get("model") or {}
    model = {key: value for key, value in own.items() if key not in MODEL}
    container = merged(base, {**model, "name": CONTAINER})
    container["args"] = [*base.get("args", ()), *model.get("args", ())]
    text = json.dumps(container)
    for field in ("name", "namespace"):
        text = text.replace("{{." + field.title() + "}}", str(service["metadata"].get(field)))
    container = json.loads(text)
    named = {"name": "INFERENCE_SERVICE_NAME", "value": service["metadata"]["name"]}
    container["env"] = [*container.get("env", ()), named]
    others = [each for each in runtime.get("containers", ()) if each["name"] != CONTAINER]
    result["containers"] = [container, *others, *predictor.get("containers", ())]
    return result


def _raw(owner: str, metadata: Object, extension: Object, spec: Object) -> Iterator[Object]:
    """ISVC/reconcilers/raw: Deployment, Service and autoscaler of one name."""
    name = metadata["name"]
    app = {"app": f"isvc.{name}"}
    template = {"metadata": _with_labels(metadata, app), "spec": spec}
    deployment: Object = {"selector": {"matchLabels": app}, "template": template}
    autoscaler = metadata["annotations"].get(AUTOSCALER, "hpa")
    if autoscaler == "none" and "minReplicas" in extension:
        deployment["replicas"] = extension["minReplicas"]
    yield _object("apps/v1", "Deployment", metadata, deployment, owner)
    ports = [
        {
            "name": each.get("name"),
            "port": each["containerPort"] if index else 80,
            "targetPort": each["containerPort"],
            **(
                {"appProtocol": "kubernetes.io/h2c"}
                if any(word in each.get("name", "") for word in ("grpc", "h2c"))
                else {}
            ),
        }
        for index, each in enumerate(spec["containers"][0].get("ports", ()))
    ]
    ports = ports or [{"name": name, "port": 80, "targetPort": 8080}]
    yield _object("v1", "Service", metadata, {"selector": app, "ports": ports}, owner)
    scaled = {
        "minReplicas": max(1, extension.get("minReplicas", 1)),
        "maxReplicas": max(extension.get("maxReplicas", 0), extension.get("minReplicas", 1)),
    }
    if autoscaler == "hpa":
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        hpa = {"scaleTargetRef": target, **scaled}
        yield _object("autoscaling/v2", "HorizontalPodAutoscaler", metadata, hpa, owner)
    elif autoscaler == "keda":
        yield _object("keda.sh/v1alpha1", "ScaledObject", metadata, _scaled(name, extension), owner)


def _scaled(name: str, extension: Object) -> Object:
    """ISVC/reconcilers/keda createKedaScaledObject, getKedaMetrics; not of PodMetric."""
    scaling = extension.get("autoScaling") or {}
    triggers: list[Object] = []
    for each in scaling.get("metrics", ()):
        if "resource" in each:
            triggers.append({"type": each["resource"]["name"], "metadata": {}})
        elif "external" in each:
            metric = each["external"]["metric"]
            metadata = {
                "serverAddress": metric.get("serverAddress", ""),
                "query": metric.get("query", ""),
                "threshold": each["external"]["target"].get("value", "0"),
            }
            triggers.append({"type": metric["backend"], "metadata": metadata})
    least = extension.get("minReplicas", 1)
    return {
        "scaleTargetRef": {"name": name},
        "minReplicaCount": least,
        "maxReplicaCount": max(extension.get("maxReplicas", 0), least),
        "triggers": triggers,
    }


def _knative(metadata: Object, extension: Object, spec: Object) -> Iterator[Object]:
    """ISVC/reconcilers/knative createKnativeService, and what Knative makes of a first revision.

    knative/serving v1.23 pkg/reconciler/revision/resources/{meta,deploy}.go: labels of a revision
    are the template's; the Deployment's pods have the app label besides.
    """
    name = metadata["name"]
    owner = f"InferenceService/{metadata['labels'][SERVICE]}"
    template = {"metadata": {**metadata, "name": None}, "spec": spec}
    yield _object(
        "serving.knative.dev/v1",
        "Service",
        metadata,
        {"template": template, "traffic": [{"latestRevision": True, "percent": 100}]},
        owner,
    )
    revision = f"{name}-00001"
    knative = {
        "serving.knative.dev/service": name,
        "serving.knative.dev/configuration": name,
        "serving.knative.dev/revision": revision,
        "app": revision,
    }
    replica = {
        "metadata": _with_labels(metadata, knative),
        "spec": {**spec, "containers": [*spec["containers"], QUEUE_PROXY]},
    }
    yield _object(
        "apps/v1",
        "Deployment",
        {**metadata, "name": f"{revision}-deployment"},
        {
            "selector": {"matchLabels": {"serving.knative.dev/revision": revision}},
            "template": replica,
            # One at first, config-autoscaler's initial-scale, also where none is left later.
            "replicas": max(1, extension.get("minReplicas", 1)),
        },
        owner,
    )


def _of_graph(graph: Object) -> Iterator[Object]:
    """pkg/controller/v1alpha1/inferencegraph/raw_ig.go."""
    own, spec = graph["metadata"], graph["spec"]
    metadata = {
        "name": own["name"],
        "namespace": own.get("namespace"),
        "labels": {**own.get("labels", {}), GRAPH: own["name"]},
        "annotations": dict(own.get("annotations", {})),
    }
    router = {
        "name": own["name"],
        "args": ["--graph-json", json.dumps(spec)],
        "resources": spec.get("resources", {}),
        "securityContext": {**DROPPED, "privileged": False, "readOnlyRootFilesystem": True},
    }
    kept = ("affinity", "tolerations", "nodeSelector", "nodeName", "serviceAccountName")
    pod = {
        "containers": [router],
        "automountServiceAccountToken": False,
        **{key: spec[key] for key in kept if key in spec},
    }
    yield from _raw(_owner(graph), metadata, spec, pod)


def _of_llm(service: Object) -> Iterator[Object]:
    """LLM/workload*.go, scheduler.go."""
    own, spec = service["metadata"], service["spec"]
    named = {
        "app.kubernetes.io/name": own["name"],
        "app.kubernetes.io/part-of": "llminferenceservice",
    }
    serves = {**named, "kserve.io/component": "workload", "llm-d.ai/role": "both"}
    metadata = {"namespace": own.get("namespace"), "annotations": {}}
    passed_on = spec.get("labels", {})
    if "worker" in spec:
        part = "llminferenceservice-workload-{}"
        leader = {**serves, "app.kubernetes.io/component": part.format("leader")}
        worker = {**named, "app.kubernetes.io/component": part.format("worker")}
        parallelism = spec.get("parallelism", {})
        template = {
            # pkg/apis/serving/v1alpha2 ParallelismSpec.GetSize
            "size": max(1, parallelism.get("data", 1) // parallelism.get("dataLocal", 1)),
            "leaderTemplate": _template({**passed_on, **leader}, spec.get("template"), RDMA),
            "workerTemplate": _template({**passed_on, **worker}, spec["worker"], RDMA),
        }
        yield _object(
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            {**metadata, "name": f"{own['name']}-kserve-mn", "labels": worker},
            {"replicas": spec.get("replicas", 1), "leaderWorkerTemplate": template},
            _owner(service),
        )
    else:
        labels = {**serves, "app.kubernetes.io/component": "llminferenceservice-workload"}
        yield _object(
            "apps/v1",
            "Deployment",
            {**metadata, "name": f"{own['name']}-kserve", "labels": labels},
            {
                "replicas": spec.get("replicas"),
                "selector": {"matchLabels": labels},
                "template": _template({**passed_on, **labels}, spec.get("template"), []),
            },
            _owner(service),
        )
    port = {"name": "http", "port": 8000, "targetPort": 8000, "appProtocol": "http"}
    selector = {**named, "kserve.io/component": "workload"}
    yield _object(
        "v1",
        "Service",
        {**metadata, "name": f"{own['name']}-kserve-workload-svc", "labels": named},
        {"selector": selector, "ports": [port]},
        _owner(service),
    )
    if "scheduler" in spec.get("router", {}):
        yield from _of_scheduler(service, {**metadata, "annotations": {}}, named, selector)


def _of_scheduler(
    service: Object, metadata: Object, named: Object, workload: Object
) -> Iterator[Object]:
    """LLM/scheduler.go, with the ports of config/llmisvcconfig/config-llm-scheduler.yaml."""
    name = service["metadata"]["name"]
    labels = {**named, "app.kubernetes.io/component": "llminferenceservice-router-scheduler"}
    ports = [
        {"name": "grpc", "containerPort": 9002},
        {"name": "grpc-health", "containerPort": 9003},
        {"name": "metrics", "containerPort": 9090},
        {"name": "zmq", "containerPort": 5557},
    ]
    pod = {"containers": [{"name": "main", "ports": ports, "securityContext": SANDBOXED}]}
    yield _object(
        "apps/v1",
        "Deployment",
        {**metadata, "name": f"{name}-kserve-router-scheduler", "labels": labels},
        {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": {}}, "spec": pod},
        },
        f"{_owner(service)} scheduler",
    )
    yield _object(
        "v1",
        "Service",
        {**metadata, "name": f"{name}-epp-service", "labels": labels},
        {
            "selector": labels,
            "ports": [{"name": each["name"], "port": each["containerPort"]} for each in ports],
        },
        f"{_owner(service)} scheduler",
    )
    yield _object(
        "inference.networking.k8s.io/v1",
        "InferencePool",
        {**metadata, "name": f"{name}-inference-pool"},
        {"selector": {"matchLabels": workload}, "targetPorts": [{"number": 8000}]},
        f"{_owner(service)} scheduler",
    )


def _template(labels: Object, template: Object | None, added: list[str]) -> Object:
    """A pod over KServe's preset: what it does not say of the security context stays."""
    spec = copy.deepcopy(template or {"containers": [{"name": "main"}]})
    for each in spec["containers"]:
        own = each.get("securityContext", {})
        preset = {**SANDBOXED, **own}
        preset["capabilities"] = {
            "add": added,
            **SANDBOXED["capabilities"],
            **own.get("capabilities", {}),
        }
        each["securityContext"] = preset
    return {"metadata": {"labels": labels, "annotations": {}}, "spec": spec}


def _of_collector(collector: Object) -> Iterator[Object]:
    """opentelemetry-operator v0.158.0 internal/manifests: collector/{deployment,service}.go."""
    own, spec = collector["metadata"], collector["spec"]
    name = f"{own['name']}-collector"
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": "opentelemetry-collector",
        "app.kubernetes.io/instance": f"{own.get('namespace')}.{own['name']}",
        "app.kubernetes.io/managed-by": "opentelemetry-operator",
        "app.kubernetes.io/part-of": "opentelemetry",
    }
    container = {"name": "otc-container", "securityContext": spec.get("securityContext")}
    pod = {"securityContext": spec.get("podSecurityContext"), "containers": [container]}
    metadata = {"name": name, "namespace": own.get("namespace"), "annotations": {}}
    yield _object(
        "apps/v1",
        "Deployment",
        {**metadata, "labels": labels},
        {
            "replicas": spec.get("replicas", 1),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": {}}, "spec": pod},
        },
        _owner(collector),
    )
    receivers = spec["config"]["receivers"]["otlp"]["protocols"]
    ports = [
        {"name": f"otlp-{protocol}", "port": int(each["endpoint"].rpartition(":")[2])}
        for protocol, each in receivers.items()
    ]
    yield _object(
        "v1",
        "Service",
        {**metadata, "labels": labels},
        {"selector": labels, "ports": ports},
        _owner(collector),
    )


def _object(version: str, kind: str, metadata: Object, spec: Object, owner: str) -> Object:
    return {
        "apiVersion": version,
        "kind": "KnativeService" if version == "serving.knative.dev/v1" else kind,
        "metadata": copy.deepcopy(metadata),
        "spec": spec,
        "owner": owner,
    }


def _with_labels(metadata: Object, labels: Object) -> Object:
    return {**metadata, "labels": {**metadata["labels"], **labels}}


def template_hash(template: Object) -> str:
    """Ten characters that differ where pod templates differ, as a ReplicaSet's name has them."""
    text = json.dumps(template, sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return "".join("bcdfghjklmnpqrstvwxz2456789"[each % 27] for each in digest[:10])


def _replica(deployment: Object, template: Object, suffix: str) -> Pod:
    """apimachinery pkg/api/names: a generated name keeps 58 characters before its suffix."""
    name, digest = deployment["metadata"]["name"], template_hash(template)
    metadata = _with_labels(template["metadata"], {"pod-template-hash": digest})
    return Pod(
        owner=deployment.get("owner") or _owner(deployment),
        workload=name,
        metadata={
            **metadata,
            "name": f"{f'{name}-{digest}-'[:58]}{suffix}",
            "namespace": deployment["metadata"].get("namespace"),
        },
        spec=template["spec"],
    )


def _member(workload: Object, template: Object, group: int, index: int) -> Pod:
    """lws v0.8 pkg/webhooks/pod_webhook.go: names and labels of a group's pods."""
    name = f"{workload['metadata']['name']}-{group}"
    labels = {
        "leaderworkerset.sigs.k8s.io/name": workload["metadata"]["name"],
        "leaderworkerset.sigs.k8s.io/group-index": str(group),
        "leaderworkerset.sigs.k8s.io/worker-index": str(index),
    }
    return Pod(
        owner=f"{workload['owner']} {'worker' if index else 'template'}",
        workload=workload["metadata"]["name"],
        metadata={
            **_with_labels(template["metadata"], labels),
            "name": f"{name}-{index}" if index else name,
            "namespace": workload["metadata"].get("namespace"),
        },
        spec=template["spec"],
    )
