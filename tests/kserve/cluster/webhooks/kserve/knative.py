"""What Knative refuses, or has switched off by default, of a service in Knative mode."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.rule import rule

KIND = "InferenceService"
KNATIVE = "knative/serving v1.23 pkg/apis/serving/k8s_validation.go"
FEATURES = "knative/serving v1.23 pkg/apis/config/features.go"
MASK = "knative/serving v1.23 pkg/apis/serving/fieldmask.go PodSpecMask, ContainerMask"
RESERVED = (8012, 8013, 8022, 9090, 9091)
OFF = (
    *("nodeSelector", "affinity", "tolerations", "schedulerName", "runtimeClassName"),
    *("priorityClassName", "initContainers", "securityContext", "topologySpreadConstraints"),
    *("hostIPC", "hostNetwork", "hostPID", "hostAliases", "dnsPolicy", "dnsConfig"),
)
FIELDS = frozenset(
    (
        *("name", "args", "command", "env", "workingDir", "envFrom", "image", "imagePullPolicy"),
        *("livenessProbe", "ports", "readinessProbe", "resources", "securityContext"),
        *("startupProbe", "terminationMessagePath", "terminationMessagePolicy", "volumeMounts"),
    )
)
MODEL = frozenset(
    ("modelFormat", "runtime", "runtimeVersion", "protocolVersion", "storageUri", "storage")
)
"""KServe's own fields beside the container's, which do not reach Knative."""
SECURITY = frozenset(
    (
        *("capabilities", "readOnlyRootFilesystem", "runAsUser", "runAsGroup", "runAsNonRoot"),
        *("allowPrivilegeEscalation", "seccompProfile", "privileged"),
    )
)
VOLUMES = ("emptyDir", "secret", "configMap", "projected")


@rule("Knative: one port", KIND, source=f"{KNATIVE} validateContainerPorts, portValidation")
def port(service: Object, bundle: Bundle) -> Iterator[str]:
    """One port in all, with a name that says its protocol, and not one of Knative's own."""
    pod = bundle.pod(service)
    if pod.mode != "Knative":
        return
    ports = pod.container.get("ports", ())
    if len(ports) != 1:
        yield f"ports: expected one in Knative mode, found {len(ports)}"
    for each in ports:
        if each.get("name", "") not in ("", "http1", "h2c"):
            yield f"ports: expected the name http1 or h2c, found {each['name']}"
        if each["containerPort"] in RESERVED:
            yield f"ports: expected none of {RESERVED}, found {each['containerPort']}"


@rule("Knative: features", KIND, source=FEATURES)
def features(service: Object, bundle: Bundle) -> Iterator[str]:
    """Fields and volumes that the ConfigMap config-features has off by default."""
    pod = bundle.pod(service)
    if pod.mode != "Knative":
        return
    spec = {**(pod.runtime or {}).get("spec", {}), **service["spec"]["predictor"]}
    used = [key for key in OFF if spec.get(key)]
    used += [
        f"volume {name}"
        for name, volume in pod.volumes.items()
        if not any(kind in volume for kind in VOLUMES)
    ]
    # A single storageUri is laid into the pod itself, behind Knative's back; several are not.
    used += ["storageUris"] if spec.get("storageUris") else []
    for each in used:
        yield f"{each}: off by default in Knative; leave it out, or use Standard mode"


@rule("Knative: fields", KIND, source=MASK)
def fields(service: Object, bundle: Bundle) -> Iterator[str]:
    """What it copies of a container and its security context; the webhook refuses the rest.

    So there is no preStop hook and no grace period: ``timeout`` of the service bounds both.
    """
    pod = bundle.pod(service)
    if pod.mode != "Knative":
        return
    predictor, context = service["spec"]["predictor"], pod.container.get("securityContext", {})
    found = [*(pod.container.keys() - FIELDS - MODEL)]
    found += [f"securityContext.{key}" for key in context.keys() - SECURITY]
    found += ["securityContext.privileged"] if context.get("privileged") else []
    found += (
        ["securityContext.capabilities.add"] if "add" in context.get("capabilities", {}) else []
    )
    found += [key for key in ("terminationGracePeriodSeconds",) if key in predictor]
    found += [key for key in ("automountServiceAccountToken",) if predictor.get(key)]
    for each in sorted(found):
        yield f"{each}: expected none in Knative mode"
