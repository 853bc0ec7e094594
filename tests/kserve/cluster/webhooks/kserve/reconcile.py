"""What is accepted when it is applied, and fails when KServe makes pods of it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import MODELS, Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule

KIND = "InferenceService"
PREDICTOR = f"{KSERVE} pkg/controller/v1beta1/inferenceservice/components/predictor.go"
INJECTOR = f"{KSERVE} pkg/webhook/admission/pod/storage_initializer_injector.go"
APIMACHINERY = "kubernetes apimachinery pkg/util/validation/validation.go"
MAX_OCI = 10
_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_KEY = re.compile(rf"({_SUBDOMAIN}/)?{_LABEL}")


@rule("names and labels", source=f"{APIMACHINERY} IsQualifiedName, IsValidLabelValue")
def metadata(manifest: Object, _: Bundle) -> Iterator[str]:
    """Names are DNS subdomains; keys and values of labels as Kubernetes allows them."""
    found = manifest["metadata"]
    if len(found["name"]) > 253 or not re.fullmatch(_SUBDOMAIN, found["name"]):
        yield f"name: expected a DNS subdomain, found {found['name']}"
    for key in [*found.get("labels", {}), *found.get("annotations", {})]:
        if not _KEY.fullmatch(key):
            yield f"expected a qualified name as a key, found {key}"
    for key, value in found.get("labels", {}).items():
        if value and not re.fullmatch(_LABEL, value):
            yield f"label {key}: expected at most 63 letters, digits, - _ and ., found {value}"


@rule("the runtime is there", KIND, source=f"{PREDICTOR} reconcileModel: RuntimeNotRecognized")
def runtime(service: Object, bundle: Bundle) -> Iterator[str]:
    """A service names a namespaced runtime of the same bundle that is not disabled."""
    pod = bundle.pod(service)
    if pod.model and pod.runtime is None:
        yield f"model.runtime: expected a runtime beside it, found {pod.model.get('runtime')}"
    if pod.runtime and pod.runtime["spec"].get("disabled"):
        yield f"model.runtime: {pod.model['runtime']} is disabled"


@rule("protocol", KIND, source=f"{PREDICTOR} reconcileModel: IsProtocolVersionSupported")
def protocol(service: Object, bundle: Bundle) -> Iterator[str]:
    """The protocol that is asked for is one of the runtime's."""
    pod = bundle.pod(service)
    known = (pod.runtime or {}).get("spec", {}).get("protocolVersions", [])
    found = pod.model.get("protocolVersion")
    if pod.runtime and found not in (None, *known):
        yield f"model.protocolVersion: expected one of {', '.join(known)}, found {found}"


@rule("format", KIND, source=f"{PREDICTOR} reconcileModel: RuntimeSupportsModel")
def model_format(service: Object, bundle: Bundle) -> Iterator[str]:
    """Name and version are one of the runtime's formats."""
    pod = bundle.pod(service)
    if pod.runtime is None:
        return
    wanted = pod.model["modelFormat"]
    known = pod.runtime["spec"].get("supportedModelFormats", [])
    if not any(
        each["name"] == wanted["name"] and wanted.get("version") in (None, each.get("version"))
        for each in known
    ):
        names = [f"{each['name']} {each.get('version', '')}".strip() for each in known]
        yield f"model.modelFormat: expected one of {', '.join(names)}, found {wanted}"


@rule("OCI images side by side", KIND, source=f"{INJECTOR}; pkg/utils/storage.go ValidateOCI…")
def oci(service: Object, _: Bundle) -> Iterator[str]:
    """Images in modelcar mode share no parent folder; ten at most."""
    paths = [
        each.get("mountPath", MODELS)
        for each in service["spec"]["predictor"].get("storageUris", ())
        if each.get("uri", "").startswith("oci://")
    ]
    parents = [posixpath.dirname(path.rstrip("/")) for path in paths]
    if len(parents) != len(set(parents)):
        yield f"storageUris: expected oci:// paths without a common parent, found {paths}"
    if len(paths) > MAX_OCI:
        yield f"storageUris: expected {MAX_OCI} oci:// images at most, found {len(paths)}"


@rule("storage container", KIND, source=f"{INJECTOR} GetStorageContainerSpecByName")
def storage_container(service: Object, bundle: Bundle) -> Iterator[str]:
    """One that is named is there, enabled, for init containers, and takes the service's URIs."""
    predictors = [service["spec"]["predictor"]]
    predictors += [each["predictor"] for each in service["spec"].get("canary", ())]
    wanted = predictors[0].get("storageContainerName")
    if not wanted:
        return
    named = {each["metadata"]["name"]: each for each in bundle.of_kind("ClusterStorageContainer")}
    found = named.get(wanted)
    if found is None:
        yield f"storageContainerName: expected one beside it, found {wanted}"
        return
    if found.get("disabled") or found["spec"].get("workloadType") != "initContainer":
        yield f"storageContainerName: expected {wanted} to be enabled, and for init containers"
    prefixes = tuple(each["prefix"] for each in found["spec"]["supportedUriFormats"])
    for each in predictors:
        uri = str((each.get("model") or {}).get("storageUri", ""))
        if not uri.startswith(prefixes):
            yield f"storageUri: expected one of {', '.join(prefixes)}, found {uri}"


@rule(
    "a cache's nodes",
    "LocalModelNamespaceCache",
    source=f"{KSERVE} pkg/webhook/admission/localmodelnamespacecache",
)
def node_groups(cache: Object, bundle: Bundle) -> Iterator[str]:
    """A cache of groups that are not there is refused; another one of its URI is not."""
    there = {each["metadata"]["name"] for each in bundle.of_kind("LocalModelNodeGroup")}
    for each in cache["spec"]["nodeGroups"]:
        if each not in there:
            yield f"spec.nodeGroups: expected one of {', '.join(sorted(there))}, found {each}"
