"""What objects say of pods and Services that they do not make: held to the simulated cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.kserve.cluster.controller import Pod
from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule

SERVED = ("InferenceService", "InferenceGraph", "LLMInferenceService")
SCHEDULER = "kubernetes v1.34 pkg/scheduler/framework/plugins"
EVICTION = "kubernetes v1.34 pkg/registry/core/pod/storage/eviction.go"
GATEWAY = "gateway-api v1.6.1 apis/v1/httproute_types.go"
GPU = "nvidia.com/"
STREAMS = "/inference.GRPCInferenceService/ModelStreamInfer"
_POD = re.compile(r'\bpod=~"([^"]*)"')


def pods_of(manifest: Object, bundle: Bundle) -> list[Pod]:
    """The pods that an object leads to, without the scheduler of a LLMInferenceService."""
    owner = f"{manifest['kind']}/{manifest['metadata']['name']}"
    parts = (owner, f"{owner} template", f"{owner} worker")
    namespace = manifest["metadata"].get("namespace")
    return [
        each
        for each in bundle.cluster.pods
        if each.owner in parts and each.metadata.get("namespace") == namespace
    ]


@rule("routes lead to pods", "HTTPRoute", source=f"{GATEWAY} HTTPBackendRef: ResolvedRefs")
def route(manifest: Object, bundle: Bundle) -> Iterator[str]:
    """A backend is a Service of the bundle, by a port of it, and pods are behind it."""
    for each in _backends(manifest):
        found = bundle.cluster.named("Service", each["name"], manifest["metadata"].get("namespace"))
        if found is None:
            yield f"backendRefs: expected a Service of the bundle, found {each['name']}"
            continue
        ports = [port["port"] for port in found["spec"]["ports"]]
        if each.get("port") not in ports:
            yield f"backendRefs: expected one of the ports {ports}, found {each.get('port')}"
        if not bundle.cluster.behind(found):
            yield f"backendRefs: expected pods behind {each['name']}, found none"


def _backends(manifest: Object) -> Iterator[Object]:
    for each in manifest["spec"].get("rules", ()):
        yield from each.get("backendRefs", ())


@rule("routes wait as long as services", "HTTPRoute", source=f"{GATEWAY} HTTPRouteTimeouts")
def timeouts(manifest: Object, bundle: Bundle) -> Iterator[str]:
    """A gateway's own timeout is short; a stream may last longer than a request."""
    for each in manifest["spec"].get("rules", ()):
        given = each.get("timeouts", {}).get("request", "")
        streams = [one.get("path", {}).get("value") for one in each.get("matches", ())] == [STREAMS]
        for wanted in sorted(_waits(each, manifest, bundle)):
            found = int(given.removesuffix("s") or 0)
            if found < wanted or (found > wanted and not streams):
                yield f"timeouts.request: expected {wanted}s, found {given or 'none'}"


def _waits(each: Object, manifest: Object, bundle: Bundle) -> set[int]:
    """How long the services behind a rule may take, in seconds."""
    found = set()
    for backend in each.get("backendRefs", ()):
        namespace = manifest["metadata"].get("namespace")
        made = bundle.cluster.named("Service", backend["name"], namespace)
        for service in bundle.of_kind("InferenceService"):
            if made and made["owner"] == f"InferenceService/{service['metadata']['name']}":
                found.add(int(service["spec"]["predictor"].get("timeout", 60)))
    return found


@rule(
    "a budget is one service's",
    "PodDisruptionBudget",
    source=f"{EVICTION} GetPodPodDisruptionBudgets",
)
def budget(manifest: Object, bundle: Bundle) -> Iterator[str]:
    """It selects pods of one service: several budgets for a pod hold up every eviction."""
    namespace = manifest["metadata"].get("namespace")
    pods = bundle.cluster.selected(manifest["spec"]["selector"], namespace)
    owners = sorted({each.owner for each in pods})
    if len(owners) != 1:
        yield f"spec.selector: expected pods of one service, found those of {owners or 'none'}"
    for other in bundle.of_kind("PodDisruptionBudget"):
        same = bundle.cluster.selected(other["spec"]["selector"], namespace)
        if other is not manifest and {each.name for each in same} & {each.name for each in pods}:
            yield f"spec.selector: expected no pods of {other['metadata']['name']}'s"


@rule("pods are spread by service", *SERVED, source=f"{SCHEDULER}/podtopologyspread/common.go")
def spread(manifest: Object, bundle: Bundle) -> Iterator[str]:
    """Constraints and anti-affinity count a pod itself, and those of its own service alone."""
    own = pods_of(manifest, bundle)
    names = {each.name for each in own}
    for pod in own:
        for where, term in _terms(pod.spec):
            keys = term.get("matchLabelKeys", ())
            if absent := [key for key in keys if key not in pod.labels]:
                yield f"{where}: expected labels of the pod, found {', '.join(absent)}"
                continue
            selector = dict(term.get("labelSelector") or {"matchLabels": {"": ""}})
            labels = {**selector.get("matchLabels", {}), **{key: pod.labels[key] for key in keys}}
            counted = bundle.cluster.selected({**selector, "matchLabels": labels}, _in(pod))
            if pod.name not in {each.name for each in counted}:
                yield f"{where}: expected the pod itself, found others"
            if others := sorted({each.name for each in counted} - names):
                yield f"{where}: expected pods of its own service, found {', '.join(others)}"


def _in(pod: Pod) -> str | None:
    found = pod.metadata.get("namespace")
    return None if found is None else str(found)


def _terms(spec: Object) -> Iterator[tuple[str, Object]]:
    """What counts pods by labels, with where it stands."""
    for each in spec.get("topologySpreadConstraints", ()):
        yield "topologySpreadConstraints", each
    anti = (spec.get("affinity") or {}).get("podAntiAffinity", {})
    for each in anti.get("preferredDuringSchedulingIgnoredDuringExecution", ()):
        yield "podAntiAffinity", each["podAffinityTerm"]
    for each in anti.get("requiredDuringSchedulingIgnoredDuringExecution", ()):
        yield "podAntiAffinity", each


@rule("claims are there", *SERVED, source=f"{SCHEDULER}/dynamicresources; core/v1 validation.go")
def claims(manifest: Object, bundle: Bundle) -> Iterator[str]:
    """A container's claim is its pod's, of a template beside it, and takes the place of a count."""
    for pod in pods_of(manifest, bundle):
        given = {each["name"]: each for each in pod.spec.get("resourceClaims", ())}
        used = set()
        for container in pod.containers:
            resources = container.get("resources", {})
            names = {each["name"] for each in resources.get("claims", ())}
            used |= names
            if names - given.keys():
                yield f"resources.claims: expected one of {[*given]}, found {sorted(names)}"
            counted = [key for key in resources.get("limits", {}) if key.startswith(GPU)]
            if names and counted:
                yield f"resources: expected a claim or a count, found both, {', '.join(counted)}"
        if unused := given.keys() - used:
            yield f"resourceClaims: expected a container that uses {', '.join(unused)}"
        for each in given.values():
            template = str(each.get("resourceClaimTemplateName"))
            if not bundle.cluster.named("ResourceClaimTemplate", template, _in(pod)):
                yield f"resourceClaims: expected a template beside it, found {template}"


@rule(
    "autoscalers read their own pods",
    "InferenceService",
    source=f"{KSERVE} pkg/controller/v1beta1/inferenceservice/reconcilers/keda/keda_reconciler.go",
)
def scaled(manifest: Object, bundle: Bundle) -> Iterator[str]:
    """Each ScaledObject that KServe makes has a trigger, which asks for its Deployment's pods."""
    owner = f"InferenceService/{manifest['metadata']['name']}"
    for made in bundle.cluster.made:
        if made["kind"] != "ScaledObject" or made["owner"] != owner:
            continue
        name, namespace = made["metadata"]["name"], made["metadata"].get("namespace")
        if not made["spec"]["triggers"]:
            yield f"ScaledObject {name}: expected a trigger, found none"
        here = [one for one in bundle.cluster.pods if one.metadata.get("namespace") == namespace]
        for each in made["spec"]["triggers"]:
            for pattern in _POD.findall(each["metadata"].get("query", "")):
                read = {one.workload for one in here if re.fullmatch(pattern, one.name)}
                if read != {name}:
                    yield f"query: expected the pods of {name}, found those of {sorted(read)}"
