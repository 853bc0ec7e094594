"""What must hold of rendered objects beyond their schemas, each rule a function.

The API server accepts what breaks these: a pod then does not start, serves what was not verified,
or is passed by. A rule yields one sentence for each breach, with the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from builders.bundle.rendered.address import Address
from builders.bundle.rendered.objects import (
    CLUSTER_WIDE,
    IDLE,
    PREFIX,
    REPOSITORY,
    SERVES,
    Object,
    Predictor,
    Rendered,
    label,
    labels,
    name,
    noted,
    selects,
)

Rule = Callable[[Rendered], Iterator[str]]
RULES: dict[str, Rule] = {}

FORM = "objects have the form of their kind"
SPECIFIED = frozenset(
    {
        "ClusterStorageContainer",
        "Deployment",
        "InferenceGraph",
        "InferenceService",
        "LLMInferenceService",
        "LocalModelCache",
        "LocalModelNamespaceCache",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "ServingRuntime",
    }
)
"""The kinds that rules look into."""

SIGNED = "--require-signature"
SOURCE = "metadata.annotations['internal.serving.kserve.io/storage-initializer-sourceuri']"
"""Where KServe says what it mounts (kserve v0.20.0 components/predictor.go)."""

AUTOSCALER = "serving.kserve.io/autoscalerClass"
NODE_GROUP = "serving.kserve.io/nodegroup"
ENFORCED = "pod-security.kubernetes.io/enforce"
SCRAPED = f"{PREFIX}/scraped-by"
CACHES = ("LocalModelNamespaceCache", "LocalModelCache")
WIRING = (
    "name kserve/transformers/namespace under `transformers` of the overlay that sets the namespace"
)
_NAMESPACE = re.compile(r'\bnamespace\s*=~?\s*"([^"$]*)"')
_POD = re.compile(r'\bpod\s*=~\s*"([^"]*)"')


def rule(title: str) -> Callable[[Rule], Rule]:
    """Register a rule.

    Raises:
        ValueError: the title is taken.
    """

    def register(check: Rule) -> Rule:
        if title in RULES:
            raise ValueError(f"two rules are called {title}")
        RULES[title] = check
        return check

    return register


def breaches(objects: Iterable[Object]) -> dict[str, list[str]]:
    """The rules that rendered objects break -> a sentence for each breach."""
    objects = list(objects)
    if without := list(_without_form(objects)):
        return {FORM: without}
    rendered = Rendered(objects)
    found: dict[str, list[str]] = {}
    for title, check in RULES.items():
        try:
            found[title] = list(check(rendered))
        except (AttributeError, LookupError, TypeError, ValueError, re.error) as problem:
            found.setdefault(FORM, []).append(
                f"the rule that {title} cannot be tried: something has another form than its "
                f"schema has ({problem!r}). kubectl apply --dry-run=server says what it is"
            )
    return {title: sentences for title, sentences in found.items() if sentences}


def _without_form(objects: Iterable[Any]) -> Iterator[str]:
    """What no rule can read: each object has a kind, a name and, of these kinds, a spec."""
    for at, each in enumerate(objects, 1):
        named = isinstance(each, dict) and isinstance(each.get("metadata"), dict)
        if not named or not isinstance(each.get("kind"), str):
            yield f"document {at}: expected an object of a kind. Give what kustomize prints"
        elif each["kind"] in SPECIFIED and not isinstance(each.get("spec"), dict):
            yield f"{label(each)}: expected a spec, found none. Mend the patch that took it away"


@rule("what is served is what is verified")
def verified(rendered: Rendered) -> Iterator[str]:
    """With the component ``verify``, each predictor's own address is looked at."""
    pulls = {name(each) for each in rendered.of("ClusterStorageContainer") if _signed(each)}
    if pulls and not any(rendered.repository_services()):
        yield (
            f"ClusterStorageContainer/{min(pulls)}: nothing is verified, since no service has the "
            f"label {SERVES}={REPOSITORY}. Leave the component verify out, or add such a service"
        )
    for each in rendered.predictors():
        if not pulls or labels(each.service).get(SERVES) != REPOSITORY:
            continue
        if f"{PREFIX}/not-verify" in noted(each.service):
            continue
        address = Address.parse(each.uri)
        if NODE_GROUP in noted(each.service):
            yield (
                f"{each.where}: {address} is served from the cache, which KServe's job fills "
                "without a look at the signature. Leave out the component model-cache or verify"
            )
        elif address.scheme == "pvc":
            yield from _verified_claim(each, address)
        elif address.scheme != "s3" or each.spec.get("storageContainerName") not in pulls:
            yield (
                f"{each.where}: storageUri {each.uri or 'none'} is served unverified: the "
                "component verify looks at pvc://, and with the component object-store at s3://. "
                f"Serve from one of those, or say why not in the annotation {PREFIX}/not-verify"
            )


def _signed(container: Object) -> bool:
    return SIGNED in (container["spec"]["container"].get("args") or []) + (
        container["spec"]["container"].get("command") or []
    )


def _verified_claim(predictor: Predictor, address: Address) -> Iterator[str]:
    found = next((each for each in _initial(predictor.spec) if _looks(each)), None)
    if found is None:
        yield (
            f"{predictor.where}: {address} is served unverified: no init container verifies what "
            "the storageUri names. Put the component verify over it as it is"
        )
        return
    mounted = dict(
        each.removeprefix("--mounted=").partition("=")[::2]
        for each in found["args"]
        if each.startswith("--mounted=")
    )
    claims = {
        str(each["name"]): str((each.get("persistentVolumeClaim") or {}).get("claimName"))
        for each in predictor.spec.get("volumes") or ()
    }
    for claim, path in mounted.items():
        mounts = [each for each in found["volumeMounts"] if each["mountPath"] == path]
        same = [each for each in mounts if claims.get(each["name"]) == claim]
        whole = [each for each in same if not {"subPath", "subPathExpr"} & each.keys()]
        if claim == address.root and whole:
            return
    looked = ", ".join(mounted) or "none"
    yield (
        f"{predictor.where}: {address} is served, and the claim {looked} is verified. Name the "
        f"claim {address.root} in the volume `repository-to-verify` and in `--mounted` of the "
        "init container too"
    )


def _initial(spec: Object) -> list[Object]:
    return list(spec.get("initContainers") or ())


def _looks(container: Object) -> bool:
    """Whether an init container verifies the address that KServe mounts."""
    source = [
        each["name"]
        for each in container.get("env") or ()
        if ((each.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath") == SOURCE
    ]
    arguments = container.get("args") or [""]
    return SIGNED in arguments and arguments[0] in {f"$({each})" for each in source}


@rule("an address has a storage container that takes it")
def pulled(rendered: Rendered) -> Iterator[str]:
    """KServe accepts the service, and then makes no pod. It compares addresses as texts."""
    for container in rendered.of("ClusterStorageContainer"):
        for each in container["spec"].get("supportedUriFormats") or ():
            prefix = str(each.get("prefix", "/"))
            if not prefix.endswith("/"):
                yield (
                    f"{label(container)}: the prefix {prefix} takes {prefix}-other too, since "
                    f"KServe compares texts. Write {prefix}/"
                )
    for predictor in rendered.predictors():
        wanted = predictor.spec.get("storageContainerName")
        found = rendered.named("ClusterStorageContainer", wanted)
        if not wanted or found is None:
            continue
        formats = found["spec"].get("supportedUriFormats") or ()
        if not any(_takes(each, predictor.uri) for each in formats):
            shown = ", ".join(str(each.get("prefix") or each.get("regex")) for each in formats)
            yield (
                f"{predictor.where}: {label(found)} takes {shown} and not {predictor.uri}. Name "
                "the address in the storageUri of every service and in supportedUriFormats, as "
                "docs/deploy/overlays.md shows"
            )


def _takes(form: Object, uri: str) -> bool:
    """As KServe decides (kserve v0.20.0 v1alpha1/storage_container_types.go)."""
    if form.get("prefix"):
        return uri.startswith(str(form["prefix"]))
    return bool(re.search(str(form.get("regex", "(?!)")), uri))


@rule("a cached service is in a cache")
def cached(rendered: Rendered) -> Iterator[str]:
    """KServe pulls what no cache has, and takes a cached service's canary for a folder of it."""
    caches = [(each, Address.parse(_source(each))) for each in rendered.of(*CACHES)]
    for cache, _ in caches:
        for group in cache["spec"].get("nodeGroups") or ():
            if group not in rendered.names("LocalModelNodeGroup"):
                yield f"{label(cache)}: there is no LocalModelNodeGroup {group}. Name one that is"
    for each in rendered.predictors():
        group = noted(each.service).get(NODE_GROUP)
        if group is None:
            continue
        address = Address.parse(each.uri)
        inside = [cache for cache, source in caches if address.inside(source)]
        if each.canary:
            yield (
                f"{each.where}: KServe takes its address for a folder of the cached one. Leave out "
                "the component canary or model-cache"
            )
        elif not each.spec.get("storageContainerName"):
            yield (
                f"{each.where}: a pod that is not served from the cache pulls {address} without "
                "credentials. Add the component object-store"
            )
        elif not any(group in cache["spec"]["nodeGroups"] for cache in inside):
            have = ", ".join(str(source) for _, source in caches) or "none"
            yield (
                f"{each.where}: no cache of the node group {group} has {address}; there are "
                f"{have}. Give both the same address"
            )


def _source(cache: Object) -> str:
    return str(cache["spec"].get("sourceModelUri", ""))


@rule("a canary has no triggers")
def canary_triggers(rendered: Rendered) -> Iterator[str]:
    """KServe makes a ScaledObject for a canary too, without triggers, and never succeeds."""
    for each in rendered.of("InferenceService"):
        if each["spec"].get("canary") and noted(each).get(AUTOSCALER) == "keda":
            yield (
                f"{label(each)}: KServe gives KEDA no trigger for a canary, and the API server "
                "refuses that. Leave out the component canary or keda"
            )


@rule("what triggers is scraped")
def scraped(rendered: Rendered) -> Iterator[str]:
    """KEDA asks Prometheus for metrics that a PodMonitor collects; without them it does nothing."""
    monitors = [each["spec"].get("selector") or {} for each in rendered.of("PodMonitor")]
    for each in rendered.of("InferenceService"):
        if noted(each).get(AUTOSCALER) != "keda" or SCRAPED in noted(each):
            continue
        pod = rendered.predictor_labels(each)
        if not any(selects(selector, pod) for selector in monitors):
            yield (
                f"{label(each)}: no PodMonitor selects its pods, so KEDA's queries find nothing. "
                "Add the component monitoring, or name what scrapes them in the annotation "
                f"{SCRAPED}"
            )


@rule("pod security takes every pod")
def restricted(rendered: Rendered) -> Iterator[str]:
    """KServe adds capabilities for RDMA to workers (kserve v0.20.0, its llmisvc presets)."""
    enforced = {labels(each).get(ENFORCED) for each in rendered.of("Namespace")}
    for each in rendered.of("LLMInferenceService"):
        if "worker" in each["spec"] and "restricted" in enforced:
            yield (
                f"{label(each)}: KServe adds capabilities to its workers, which the namespace's "
                "pod security refuses. Leave out the component restricted, or the service"
            )


@rule("names are as they are shipped")
def renamed(rendered: Rendered) -> Iterator[str]:
    """``namePrefix`` and ``nameSuffix`` reach an object and not the fields that name it."""
    for where, kind, wanted in _references(rendered):
        names = rendered.names(kind)
        affixed = sorted(each for each in names if each.startswith(wanted) or each.endswith(wanted))
        if wanted not in names and affixed:
            yield (
                f"{where}: names the {kind} {wanted}, and there is {affixed[0]}: namePrefix and "
                "nameSuffix do not reach names in other fields. Take another namespace instead"
            )


def _references(rendered: Rendered) -> Iterator[tuple[str, str, str]]:
    """Who names what: where, kind, name."""
    for predictor in rendered.predictors():
        spec = predictor.spec
        named = [
            ("ServingRuntime", (spec.get("model") or {}).get("runtime")),
            ("ServiceAccount", spec.get("serviceAccountName")),
            ("ClusterStorageContainer", spec.get("storageContainerName")),
            ("LocalModelNodeGroup", noted(predictor.service).get(NODE_GROUP)),
        ]
        address = Address.parse(predictor.uri)
        named += [("PersistentVolumeClaim", address.root)] if address.scheme == "pvc" else []
        named += [("PersistentVolumeClaim", claim) for claim in _claims(spec)]
        yield from ((predictor.where, kind, str(wanted)) for kind, wanted in named if wanted)
    for each in rendered.of("ServingRuntime"):
        for volume in each["spec"].get("volumes") or ():
            if wanted := (volume.get("configMap") or {}).get("name"):
                yield label(each), "ConfigMap", str(wanted)
    for each in rendered.of("LLMInferenceService"):
        address = Address.parse(str(each["spec"]["model"].get("uri", "")))
        if address.scheme == "pvc":
            yield label(each), "PersistentVolumeClaim", address.root
    for each in rendered.of(*CACHES):
        for group in each["spec"].get("nodeGroups") or ():
            yield label(each), "LocalModelNodeGroup", str(group)


def _claims(spec: Object) -> list[str]:
    return [
        str(each["persistentVolumeClaim"]["claimName"])
        for each in spec.get("volumes") or ()
        if "persistentVolumeClaim" in each
    ]


@rule("a graph's services are there")
def graph(rendered: Rendered) -> Iterator[str]:
    """Each step's host in this namespace is a predictor of the bundle."""
    there = {f"{name(each)}-predictor" for each in rendered.of("InferenceService")}
    for each in rendered.of("InferenceGraph"):
        for node in each["spec"]["nodes"].values():
            for step in node.get("steps") or ():
                host = re.match(r"https?://([^/:]+)", str(step.get("serviceUrl", "")))
                first, _, rest = host[1].partition(".") if host else ("", "", "elsewhere.")
                if rest.partition(".")[0] in ("", rendered.namespace) and first not in there:
                    yield (
                        f"{label(each)}: step {step.get('name')} calls {first}, and there are "
                        f"{', '.join(sorted(there)) or 'none'}. Name one of these, or add the "
                        "service"
                    )


@rule("the server that a gateway asks is there")
def fronted(rendered: Rendered) -> Iterator[str]:
    """OpenAI's API asks a predictor of the bundle, or a server elsewhere by its full name."""
    there = {f"{name(each)}-predictor" for each in rendered.of("InferenceService")}
    for each in rendered.of("Deployment"):
        for container in each["spec"]["template"]["spec"].get("containers") or ():
            for given in container.get("args") or ():
                option, _, address = str(given).partition("=")
                host, _, rest = address.rpartition(":")[0].partition(".")
                inside = rest.partition(".")[0] in ("", rendered.namespace)
                if option == "--triton" and inside and host not in there:
                    yield (
                        f"{label(each)}: asks {host}, and there are "
                        f"{', '.join(sorted(there)) or 'none'}. Name one of these in `--triton`, "
                        "or add the service"
                    )


@rule("everything is in one namespace")
def one_namespace(rendered: Rendered) -> Iterator[str]:
    """The Namespace object fits everything else, and the names of cluster-wide objects."""
    wanted = rendered.namespace
    for each in rendered.objects:
        if each.get("kind") == "Namespace":
            found = name(each)
        elif each.get("kind") in CLUSTER_WIDE:
            continue
        else:
            found = str(each["metadata"].get("namespace", ""))
        if found != wanted:
            yield (
                f"{label(each)}: is in the namespace {found or 'of none'}, and the others in "
                f"{wanted or 'none'}. Name it once, by `namespace:` in the overlay"
            )
    for each in rendered.of("ClusterStorageContainer"):
        found = name(each).partition(".")[2]
        if labels(each).get("app.kubernetes.io/part-of") == PREFIX and found != wanted:
            yield (
                f"{label(each)}: belongs to the namespace {found}, and the others are in {wanted}: "
                f"another team's would be overwritten. {WIRING[0].upper()}{WIRING[1:]}"
            )


@rule("queries are of this namespace and of these pods")
def queries(rendered: Rendered) -> Iterator[str]:
    """A query that names another namespace or another service finds nothing."""
    for each in rendered.of("InferenceService", "PrometheusRule"):
        for query in _queries(each):
            for found in sorted(set(_NAMESPACE.findall(query)) - {rendered.namespace}):
                yield (
                    f"{label(each)}: a query asks for the namespace {found}, and this is "
                    f"{rendered.namespace}. {WIRING[0].upper()}{WIRING[1:]}"
                )
            if each["kind"] == "InferenceService":
                pod = f"{name(each)}-predictor-7d9c5b6f4-x2x4z"
                for found in _POD.findall(query):
                    if not re.fullmatch(found, pod):
                        yield (
                            f"{label(each)}: its query asks for the pods {found}, and its own are "
                            f"{name(each)}-predictor-…. Name those in the annotations "
                            f"{PREFIX}/waited and {PREFIX}/waiting"
                        )


def _queries(manifest: Object) -> Iterator[str]:
    if manifest["kind"] == "PrometheusRule":
        for group in manifest["spec"].get("groups") or ():
            yield from (str(each.get("expr", "")) for each in group.get("rules") or ())
        return
    scaling = (manifest["spec"].get("predictor") or {}).get("autoScaling") or {}
    for each in scaling.get("metrics") or ():
        for source in ("external", "podmetric"):
            yield str(((each.get(source) or {}).get("metric") or {}).get("query", ""))


@rule("what selects pods finds some")
def selectors(rendered: Rendered) -> Iterator[str]:
    """A budget, policy or monitor that matches nothing does nothing, and nobody sees it."""
    pods = list(rendered.pods())
    for each in rendered.of("PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        if IDLE in noted(each):
            continue
        for selector in _selectors(each):
            if not any(selects(selector, pod) for pod in pods):
                yield (
                    f"{label(each)}: selects {_shown(selector)}, and no pod has that. Leave it out "
                    f"with its service, or say what it waits for in the annotation {IDLE}"
                )


def _selectors(manifest: Object) -> Iterator[Object]:
    """The selectors of pods in the same namespace."""
    spec = manifest["spec"]
    if manifest["kind"] != "NetworkPolicy":
        yield spec.get("selector") or {}
        return
    yield spec.get("podSelector") or {}
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for part in spec.get(direction) or ():
            for peer in part.get(side) or ():
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield peer["podSelector"]


def _shown(selector: Object) -> str:
    found = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    found += [str(each.get("key")) for each in selector.get("matchExpressions") or ()]
    return " and ".join(found) or "every pod"


@rule("what serves the repository carries its label")
def labelled(rendered: Rendered) -> Iterator[str]:
    """Components reach services by the label; without it they pass one by."""
    for each in rendered.of("InferenceService"):
        model = (each["spec"].get("predictor") or {}).get("model") or {}
        found = rendered.named("ServingRuntime", model.get("runtime"))
        wanted = labels(found).get(SERVES) if found else None
        if wanted and labels(each).get(SERVES) != wanted:
            yield (
                f"{label(each)}: is served by {name(found or {})} and lacks its label "
                f"{SERVES}={wanted}: components pass it by. Add the label"
            )


@rule("models of a gateway have names of their own")
def models(rendered: Rendered) -> Iterator[str]:
    """KServe refuses a second LLMInferenceService with the same ``model.name``."""
    taken: dict[str, str] = {}
    for each in rendered.of("LLMInferenceService"):
        found = str(each["spec"]["model"].get("name") or name(each))
        if found in taken:
            yield (
                f"{label(each)}: model.name is {found}, as of {taken[found]}. Give each a name of "
                "its own"
            )
        taken.setdefault(found, label(each))
