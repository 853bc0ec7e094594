"""Rules for a multi-model Triton behind KServe, 1 to 8: where its models and its files are.

Two of them, of the repository itself, are in :mod:`.repository`, beside this module.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import MODELS, Bundle, Object
from tests.kserve.cluster.webhooks.rule import KSERVE, rule
from tests.kserve.cluster.webhooks.triton.repository import callees, kinds, servable

KIND = "InferenceService"
DEFAULTS = f"{KSERVE} pkg/apis/serving/v1beta1/inference_service_defaults.go SetTritonDefaults"
SERVER_TYPE = "serving.kserve.io/server-type"
READ_ONLY = "storage.kserve.io/readonly"
EXPLICIT = "--model-control-mode=explicit"
WRITTEN = ("HOME", "TMPDIR", "HF_HOME")


@rule("1 URI of the root", KIND, source=f"{KSERVE} python/storage: a prefix's contents are copied")
def root(service: Object, bundle: Bundle) -> Iterator[str]:
    """The URI is the repository's, not a model's; Triton reads where KServe puts it.

    Of a volume, a folder: at its root a file system keeps ``lost+found``, which is no model.
    """
    pod = bundle.pod(service)
    if not pod.is_triton:
        return
    uri = pod.model.get("storageUri", "").rstrip("/")
    last = uri.rpartition("/")[2]
    if uri.startswith("pvc://") and "/" not in uri.removeprefix("pvc://"):
        yield f"storageUri: expected a folder of the volume, found its root, {uri}"
    if last in kinds():
        yield f"storageUri: expected the repository's root, found the model {last}"
    folder = pod.flag("model-repository") or pod.flag("model-store")
    if folder != MODELS:
        yield f"--model-repository: expected {MODELS}, found {folder}"


@rule("4 no explicit mode by surprise", KIND, source=f"{DEFAULTS}; triton server PR #7259")
def explicit(service: Object, bundle: Bundle) -> Iterator[str]:
    """KServe appends explicit mode to its own Triton where there is no ``storageUri``.

    An empty Triton in explicit mode is ready; ``--load-model`` without that mode ends it.
    """
    pod = bundle.pod(service)
    if not pod.is_triton:
        return
    annotations = (pod.runtime or {}).get("metadata", {}).get("annotations", {})
    name = pod.model.get("runtime", "")
    ours = annotations.get(SERVER_TYPE) == "tritonserver" or name == "kserve-tritonserver"
    stored = pod.model.get("storageUri") or pod.model.get("storage")
    mode = "explicit" if ours and not stored else pod.flag("model-control-mode")
    loads = pod.flags("load-model")
    if mode == "explicit" and not loads:
        yield "--load-model: expected in explicit mode, found none: Triton would start empty"
    if loads and mode != "explicit":
        yield f"--load-model: expected only with {EXPLICIT}, found mode {mode}: Triton would end"
    if "*" in loads and len(loads) > 1:
        yield f"--load-model=*: expected alone, found {', '.join(loads)}"


@rule("5 BLS callees are loaded", KIND, source="triton core src/model_repository_manager.cc:1067")
def bls(service: Object, bundle: Bundle) -> Iterator[str]:
    """Explicit loads exist; an ensemble brings its steps, a BLS model nothing."""
    pod = bundle.pod(service)
    loads = set(pod.flags("load-model"))
    if not pod.is_triton or not loads or "*" in loads:
        return
    for name in sorted(loads - servable()):
        yield f"--load-model: expected a model of the repository, found {name}"
    for name in sorted(loads):
        if absent := callees(name) - loads:
            yield f"--load-model={name}: expected its callees too: {', '.join(sorted(absent))}"


@rule("6 some storage", KIND, source=f"{KSERVE} pkg/webhook/admission/pod/agent_injector.go")
def storage(service: Object, bundle: Bundle) -> Iterator[str]:
    """Without storage KServe mounts an empty folder over /mnt/models."""
    model = bundle.pod(service).model
    predictor = service["spec"]["predictor"]
    found = model.get("storageUri") or model.get("storage") or predictor.get("storageUris")
    if model and not found:
        yield "spec.predictor.model: expected storageUri, storage or storageUris, found none"


@rule("7 paths that storageUris lose", KIND, source=f"{KSERVE} pkg/utils/storage.go SubPath")
def lost_paths(service: Object, _: Bundle) -> Iterator[str]:
    """Of a volume claim in ``storageUris`` the root is mounted, whatever path the URI names."""
    for each in service["spec"]["predictor"].get("storageUris", ()):
        claim, _, path = each.get("uri", "").removeprefix("pvc://").partition("/")
        if each.get("uri", "").startswith("pvc://") and path.strip("/"):
            yield f"storageUris: expected pvc://{claim}, found a path in it: {path}"


@rule("8 writable folders", KIND, source="kserve/kserve#1938; triton-inference-server/server#3744")
def writable(service: Object, bundle: Bundle) -> Iterator[str]:
    """/mnt/models is read-only, and the user has no home: caches are on volumes."""
    pod = bundle.pod(service)
    if not pod.is_triton:
        return
    environment = {each["name"]: each.get("value", "") for each in pod.container.get("env", ())}
    for name in WRITTEN:
        value = environment.get(name)
        volume = pod.mounted(value) if value else None
        if volume is None or "emptyDir" not in volume:
            below = value and value.startswith(f"{MODELS}/")
            if not (below and pod.annotation(READ_ONLY) == "false"):
                yield f"env {name}: expected a folder on an emptyDir, found {value or 'none'}"
