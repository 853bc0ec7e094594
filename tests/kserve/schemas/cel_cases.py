"""Objects with CEL rules, and the edits that those rules refuse."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

LLM: Object = {
    "apiVersion": "serving.kserve.io/v1alpha2",
    "kind": "LLMInferenceService",
    "metadata": {"name": "decoder", "namespace": "multimodal"},
    "spec": {
        "model": {"uri": "hf://a/b"},
        "replicas": 1,
        "router": {
            "route": {
                "http": {
                    "spec": {
                        "rules": [
                            {
                                "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}],
                                "backendRefs": [{"name": "decoder", "port": 8000}],
                            }
                        ]
                    }
                }
            }
        },
    },
}
SCALED: Object = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "a", "namespace": "b"},
    "spec": {
        "scaleTargetRef": {"name": "a"},
        "minReplicaCount": 1,
        "maxReplicaCount": 3,
        "triggers": [{"type": "prometheus", "metadata": {"query": "up"}}],
    },
}
CACHE: Object = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "LocalModelNamespaceCache",
    "metadata": {"name": "a", "namespace": "b"},
    "spec": {"sourceModelUri": "s3://a/b", "modelSize": "1Gi", "nodeGroups": ["gpu"]},
}
COLLECTOR: Object = {
    "apiVersion": "opentelemetry.io/v1beta1",
    "kind": "OpenTelemetryCollector",
    "metadata": {"name": "a", "namespace": "b"},
    "spec": {
        "mode": "sidecar",
        "config": {"receivers": {}, "exporters": {}, "service": {"pipelines": {}}},
    },
}

ROUTE: Object = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "a", "namespace": "b"},
    "spec": {
        "parentRefs": [{"name": "gateway", "namespace": "c"}],
        "hostnames": ["a.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}],
                "timeouts": {"request": "120s"},
                "backendRefs": [{"name": "a-predictor", "port": 80}],
            }
        ],
    },
}
PARENT = {"name": "gateway", "namespace": "c"}
REPLACED = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
REWRITE = {"type": "URLRewrite", "urlRewrite": {"path": REPLACED}}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"path": REPLACED}}
EXACT = {"spec rules 0 matches 0 path type": "Exact"}
PATH = "spec rules 0 matches 0 path value"

WVA = {"maxReplicas": 2, "wva": {"hpa": {}}}
RULE = "spec router route http spec rules 0"
REFUSED: list[tuple[Object, dict[str, Any], str]] = [
    (LLM, {"spec scaling": WVA}, "mutually exclusive"),
    (LLM, {"spec replicas": None, "spec scaling": {"maxReplicas": 2}}, "wva"),
    (LLM, {"spec replicas": None, "spec scaling": {**WVA, "minReplicas": 3}}, "minReplicas"),
    (LLM, {"spec replicas": None, "spec scaling": {"maxReplicas": 2, "wva": {}}}, "hpa"),
    (LLM, {f"{RULE} backendRefs 0 port": None}, "port"),
    (LLM, {f"{RULE} matches 0 path value": "v1"}, "start with '/'"),
    (LLM, {f"{RULE} matches 0 path value": "/a//b"}, "'//'"),
    (LLM, {f"{RULE} filters": [{"type": "URLRewrite"}]}, "urlRewrite"),
    (LLM, {f"{RULE} timeouts": {"request": "1s", "backendRequest": "2s"}}, "backendRequest"),
    *(
        (ROUTE, {PATH: f"/v2{each}"}, f"'{each}'")
        for each in ("/./", "/../", "%2f", "%2F", "#", "/..", "/.")
    ),
    (ROUTE, {PATH: "/v 2"}, "valid characters"),
    (ROUTE, {"spec rules 0 matches 0 path type": "Other"}, "RegularExpression"),
    (ROUTE, {"spec parentRefs +": PARENT}, "unique"),
    (ROUTE, {"spec parentRefs +": {**PARENT, "sectionName": "http"}}, "must be specified"),
    (ROUTE, {"spec rules": [{"matches": [{}] * 64}] * 3}, "128"),
    (ROUTE, {"spec rules 0 filters": [REDIRECT]}, "together with backendRefs"),
    (ROUTE, {**EXACT, "spec rules 0 filters": [REWRITE]}, "URLRewrite filter"),
    (ROUTE, {**EXACT, "spec rules 0 filters": [REDIRECT]}, "RequestRedirect filter"),
    (ROUTE, {**EXACT, "spec rules 0 backendRefs 0 filters": [REWRITE]}, "Within backendRefs"),
    (ROUTE, {**EXACT, "spec rules 0 backendRefs 0 filters": [REDIRECT]}, "Within backendRefs"),
    (SCALED, {"spec maxReplicaCount": 0}, "minReplicaCount"),
    (COLLECTOR, {"spec tolerations": [{"operator": "Exists"}]}, "sidecar"),
    (COLLECTOR, {"spec priorityClassName": "high"}, "sidecar"),
    (COLLECTOR, {"spec affinity": {"nodeAffinity": {}}}, "sidecar"),
    (COLLECTOR, {"spec additionalContainers": [{"name": "a"}]}, "sidecar"),
]

UPDATES: list[tuple[Object, dict[str, Any], dict[str, Any]]] = [
    (CACHE, {"spec modelSize": "2Gi"}, {"spec sourceModelUri": "s3://a/c"}),
]
"""For each transition rule: an object, an update that it accepts, one that it refuses."""
