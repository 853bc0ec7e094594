"""For each rule, manifests of ``accepted.yaml`` with a value changed so that it refuses them."""

from __future__ import annotations

from typing import Any

from tests.kserve.cluster.webhooks.bundle import AUTOSCALER, GPU_TYPES, MODE

Edits = dict[str, Any]

STANDARD = "InferenceService/standard"
EXPLICIT = "InferenceService/explicit"
KEDA = "InferenceService/keda"
HPA = "InferenceService/hpa"
KNATIVE = "InferenceService/knative"
NODES = "InferenceService/nodes"
CANARY = "InferenceService/canary"
GRAPH = "InferenceGraph/graph"
LLM = "LLMInferenceService/llm"
SCALED = "LLMInferenceService/scaled"
TRITON = "ServingRuntime/triton"
HTTP = "ServingRuntime/triton-http"
WORKERS = "ServingRuntime/workers"
CLUSTER = "ClusterServingRuntime/cluster-triton"
PULL = "ClusterStorageContainer/pull"
TRAINED = "TrainedModel/trained"
PLACED = "InferenceService/placed"
ROUTE = "HTTPRoute/placed"
BUDGET = "PodDisruptionBudget/placed"

PREDICTOR = "spec predictor"
MODEL = "spec predictor model"
CONTAINER = "spec containers 0"
METRIC = "spec predictor autoScaling metrics 0"
NOTE = "metadata annotations"
ROOT = "spec nodes root steps 0"
QUERY = f"{METRIC} external metric query"
MAIN = "spec template containers 0"
PRIORITY = "spec supportedModelFormats 0 priority"
HTTP_ROUTE = "spec router route http"
LABELS = "spec selector matchLabels"
SPREAD = "spec predictor topologySpreadConstraints 0"
ANTI = "spec predictor affinity podAntiAffinity requiredDuringSchedulingIgnoredDuringExecution 0"

MUTATIONS: list[tuple[str, str, Edits]] = [
    ("service name", STANDARD, {"metadata name": "my_service"}),
    ("service name", STANDARD, {"metadata name": "1st"}),
    ("names and labels", TRITON, {"metadata name": "Triton"}),
    ("names and labels", TRITON, {"metadata labels app": "two words"}),
    ("names and labels", TRITON, {"metadata labels": {"a/b/c": "x"}}),
    ("one implementation", STANDARD, {f"{PREDICTOR} containers": [{"name": "a"}]}),
    ("one implementation", STANDARD, {MODEL: None}),
    ("one implementation", STANDARD, {"spec transformer": {"minReplicas": 1}}),
    ("one implementation", CANARY, {"spec canary 0 predictor model": None}),
    ("model has no name", STANDARD, {f"{MODEL} name": "a"}),
    ("no PYTHONPATH", STANDARD, {f"{MODEL} env": [{"name": "PYTHONPATH", "value": "/a"}]}),
    ("no PYTHONPATH", TRITON, {f"{CONTAINER} env +": {"name": "PYTHONPATH", "value": "/a"}}),
    ("one way of storage", EXPLICIT, {f"{MODEL} storageUri": "s3://a/b"}),
    ("storageUris' paths", EXPLICIT, {f"{PREDICTOR} storageUris 0 uri": ""}),
    ("storageUris' paths", EXPLICIT, {f"{PREDICTOR} storageUris 0 mountPath": "models"}),
    ("storageUris' paths", EXPLICIT, {f"{PREDICTOR} storageUris 0 mountPath": "/mnt/../etc"}),
    ("storageUris' paths", EXPLICIT, {f"{PREDICTOR} storageUris 0 mountPath": "/models"}),
    (
        "storageUris' paths",
        EXPLICIT,
        {f"{PREDICTOR} storageUris +": {"uri": "pvc://b", "mountPath": "/mnt/weights"}},
    ),
    ("replicas", STANDARD, {f"{PREDICTOR} minReplicas": 3}),
    ("replicas", STANDARD, {f"{PREDICTOR} containerConcurrency": -1}),
    ("logger", STANDARD, {f"{PREDICTOR} logger mode": "some"}),
    ("logger", STANDARD, {f"{PREDICTOR} logger storage key": None}),
    ("explicit mode", STANDARD, {f"{NOTE} {MODE}": None}),
    ("explicit mode", STANDARD, {f"{NOTE} {MODE}": "RawDeployment"}),
    ("autoscaler class", STANDARD, {f"{NOTE} {AUTOSCALER}": "kpa"}),
    ("KEDA metrics", KEDA, {f"{PREDICTOR} scaleMetric": "cpu"}),
    ("KEDA metrics", KEDA, {QUERY: ""}),
    ("KEDA metrics", KEDA, {f"{METRIC} external target value": None}),
    ("KEDA metrics", KEDA, {f"{METRIC} external": None}),
    (
        "KEDA metrics",
        KEDA,
        {f"{PREDICTOR} autoScaling metrics 1 resource target": {"type": "AverageValue"}},
    ),
    (
        "KEDA metrics",
        KEDA,
        {f"{PREDICTOR} autoScaling metrics 1 resource target averageUtilization": 0},
    ),
    ("HPA metrics", HPA, {f"{PREDICTOR} scaleMetric": "concurrency"}),
    ("HPA metrics", KEDA, {f"{NOTE} {AUTOSCALER}": "hpa"}),
    ("no HPA by accident", STANDARD, {f"{NOTE} {AUTOSCALER}": None}),
    ("Knative's scale metrics", KNATIVE, {f"{PREDICTOR} scaleMetric": "cpu"}),
    ("Knative's scale metrics", KNATIVE, {f"{PREDICTOR} deploymentStrategy": {}}),
    ("several nodes: worker", NODES, {f"{PREDICTOR} workerSpec pipelineParallelSize": 0}),
    ("several nodes: worker", WORKERS, {"spec workerSpec containers +": {"name": "b"}}),
    (
        "several nodes: worker",
        WORKERS,
        {"spec workerSpec containers 0 resources limits": {"rdma/hca": "1"}},
    ),
    ("several nodes: head", NODES, {f"{NOTE} {GPU_TYPES}": None}),
    ("several nodes: head", WORKERS, {f"spec annotations {GPU_TYPES}": None}),
    (
        "several nodes: head",
        NODES,
        {f"{MODEL} env": [{"name": "TENSOR_PARALLEL_SIZE", "value": "2"}]},
    ),
    ("several nodes: storage", NODES, {f"{MODEL} storageUri": "s3://a/b"}),
    ("several nodes: storage", NODES, {f"{NOTE} {AUTOSCALER}": "external"}),
    ("several nodes: runtime", WORKERS, {"spec workerSpec": None}),
    ("several nodes: runtime", NODES, {f"{NOTE} {MODE}": "Knative"}),
    ("canary: mode", CANARY, {f"{NOTE} {MODE}": "Knative"}),
    ("canary: mode", CANARY, {MODEL: None}),
    ("canary: names and shares", CANARY, {"spec canary 0 predictor name": "stable"}),
    ("canary: names and shares", CANARY, {"spec canary 0 predictor name": None}),
    ("canary: names and shares", CANARY, {"spec canary 0 trafficPercent": 101}),
    ("canary: fixed replicas", CANARY, {"spec canary 0 predictor maxReplicas": 2}),
    ("canary: fixed replicas", CANARY, {"spec canary 0 predictor minReplicas": 3}),
    ("canary: storage", CANARY, {"spec canary 0 predictor model storageUri": None}),
    ("canary: share in Knative mode", STANDARD, {f"{PREDICTOR} canaryTrafficPercent": 10}),
    ("runtime collision", CLUSTER, {"spec supportedModelFormats 0 priority": 1}),
    ("runtime collision", "ClusterServingRuntime/second", {PRIORITY: 2}),
    ("one priority a format", CLUSTER, {"spec supportedModelFormats 1 priority": 3}),
    ("the runtime's container", TRITON, {f"{CONTAINER} name": "triton"}),
    ("no hostIPC", TRITON, {"spec hostIPC": True}),
    ("graph: name and root", GRAPH, {"metadata name": "1graph"}),
    ("graph: name and root", GRAPH, {"spec nodes root": None}),
    ("graph: one target a step", GRAPH, {f"{ROOT} nodeName": "shares"}),
    ("graph: one target a step", GRAPH, {f"{ROOT} serviceUrl": None}),
    ("graph: step names", GRAPH, {"spec nodes root steps 1 name": "first"}),
    ("graph: weights", GRAPH, {"spec nodes shares steps 0 weight": 80}),
    ("graph: weights", GRAPH, {"spec nodes shares steps 0 weight": None}),
    ("graph: nodes exist", GRAPH, {"spec nodes root steps 1 nodeName": "nowhere"}),
    ("graph: V2 between steps", GRAPH, {f"{ROOT} data": "$response"}),
    ("graph: V2 between steps", GRAPH, {f"{ROOT} serviceUrl": None, f"{ROOT} serviceName": "a"}),
    ("llm: parallelism", LLM, {"spec parallelism": None}),
    ("llm: parallelism", LLM, {"spec parallelism data": 2}),
    ("llm: parallelism", LLM, {"spec parallelism tensor": 0}),
    ("llm: scaling", SCALED, {"spec replicas": 1}),
    ("llm: scaling", SCALED, {"spec scaling wva keda": {}}),
    ("llm: scaling", SCALED, {"spec scaling minReplicas": 3}),
    ("llm: scaling", SCALED, {"spec prefill scaling wva": {"keda": {}}}),
    ("llm: routes", LLM, {"spec router route http refs": [{"name": "a"}]}),
    ("llm: routes", LLM, {"spec router gateway refs": None, HTTP_ROUTE: {"refs": [{"name": "a"}]}}),
    ("llm: routes", LLM, {"spec router route weight": None}),
    ("llm: scheduler", LLM, {"spec router scheduler config": None}),
    ("llm: scheduler", LLM, {"spec router scheduler config ref": {"name": "a"}}),
    ("llm: storage", LLM, {"spec model uri": "gs://a/b"}),
    ("llm: another engine", LLM, {"spec template containers 0 command": None}),
    ("llm: another engine", LLM, {"spec template containers 0 args": ["--port=8080"]}),
    ("llm: another engine", LLM, {"spec model lora": {}}),
    ("llm: probes", LLM, {f"{MAIN} readinessProbe httpGet path": "/v1/models"}),
    ("llm: probes", LLM, {f"{MAIN} livenessProbe httpGet port": 8080}),
    ("llm: probes", LLM, {f"{MAIN} startupProbe httpGet scheme": None}),
    ("llm: probes", LLM, {f"{MAIN} livenessProbe": {"tcpSocket": {"port": 8000}}}),
    ("llm: config has no bases", "LLMInferenceServiceConfig/config", {"spec baseRefs": [{}]}),
    ("trained model: name", TRAINED, {"metadata name": "a.b"}),
    ("trained model: storage", TRAINED, {"spec model storageUri": "pvc://claim/model"}),
    ("a cache's nodes", "LocalModelNamespaceCache/repository", {"spec nodeGroups 0": "cpu"}),
    ("storage container", HPA, {f"{PREDICTOR} storageContainerName": "push"}),
    ("storage container", HPA, {f"{MODEL} storageUri": "hf://a/b"}),
    ("storage container", PULL, {"spec workloadType": "localModelDownloadJob"}),
    ("storage container", PULL, {"disabled": True}),
    ("the runtime is there", STANDARD, {f"{MODEL} runtime": "nowhere"}),
    ("the runtime is there", TRITON, {"spec disabled": True}),
    ("the runtime is there", TRITON, {"metadata namespace": "b"}),
    ("protocol", HTTP, {"spec protocolVersions": ["v1"]}),
    ("format", STANDARD, {f"{MODEL} modelFormat version": "3"}),
    (
        "OCI images side by side",
        EXPLICIT,
        {f"{PREDICTOR} storageUris 0 uri": "oci://a", f"{PREDICTOR} storageUris 1 uri": "oci://b"},
    ),
    (
        "OCI images side by side",
        EXPLICIT,
        {
            f"{PREDICTOR} storageUris": [
                {"uri": "oci://a", "mountPath": f"/mnt/{n}/a"} for n in range(11)
            ]
        },
    ),
    ("Knative: one port", HTTP, {f"{CONTAINER} ports +": {"containerPort": 9000}}),
    ("Knative: one port", HTTP, {f"{CONTAINER} ports 0 name": "http"}),
    ("Knative: one port", HTTP, {f"{CONTAINER} ports 0 containerPort": 9090}),
    ("Knative: features", KNATIVE, {f"{PREDICTOR} nodeSelector": {"a": "b"}}),
    ("Knative: features", KNATIVE, {f"{PREDICTOR} storageUris": [{"uri": "s3://a/b"}]}),
    ("Knative: features", HTTP, {"spec volumes 1": {"name": "tmp", "hostPath": {"path": "/tmp"}}}),
    ("Knative: fields", HTTP, {f"{CONTAINER} lifecycle": {}}),
    ("Knative: fields", HTTP, {f"{CONTAINER} securityContext procMount": "Default"}),
    ("Knative: fields", HTTP, {f"{CONTAINER} securityContext privileged": True}),
    ("Knative: fields", HTTP, {f"{CONTAINER} securityContext capabilities add": ["IPC_LOCK"]}),
    ("Knative: fields", KNATIVE, {f"{PREDICTOR} terminationGracePeriodSeconds": 60}),
    ("Knative: fields", KNATIVE, {f"{PREDICTOR} automountServiceAccountToken": True}),
    ("1 URI of the root", STANDARD, {f"{MODEL} storageUri": "s3://bucket/repository/ocr/"}),
    ("1 URI of the root", KNATIVE, {f"{MODEL} storageUri": "pvc://claim/"}),
    ("1 URI of the root", TRITON, {f"{CONTAINER} args 1": "--model-repository=/models"}),
    ("4 no explicit mode by surprise", EXPLICIT, {f"{MODEL} args 1": "--log-verbose=0"}),
    ("4 no explicit mode by surprise", EXPLICIT, {f"{MODEL} args 0": "--log-verbose=0"}),
    ("4 no explicit mode by surprise", EXPLICIT, {f"{MODEL} args +": "--load-model=*"}),
    ("5 BLS callees are loaded", EXPLICIT, {f"{MODEL} args 1": "--load-model=ocr_bls"}),
    ("5 BLS callees are loaded", EXPLICIT, {f"{MODEL} args 1": "--load-model=reader"}),
    ("6 some storage", STANDARD, {f"{MODEL} storageUri": None}),
    ("7 paths that storageUris lose", EXPLICIT, {f"{PREDICTOR} storageUris 2 uri": "pvc://a/b"}),
    ("8 writable folders", TRITON, {f"{CONTAINER} env 2 value": "/mnt/models/cache"}),
    ("8 writable folders", TRITON, {f"{CONTAINER} env 0": {"name": "A", "value": "b"}}),
    ("9 shared memory", TRITON, {"spec volumes 0 emptyDir": {}}),
    ("9 shared memory", TRITON, {f"{CONTAINER} volumeMounts 0 mountPath": "/shm"}),
    ("9 shared memory", STANDARD, {f"{MODEL} resources": {"limits": {"memory": "1Gi"}}}),
    ("9 shared memory", TRITON, {f"{CONTAINER} resources limits memory": None}),
    ("10 protocolVersion", STANDARD, {f"{MODEL} protocolVersion": None}),
    ("11 arguments", STANDARD, {f"{MODEL} args": ["--log-format={{ .Level }}"]}),
    (
        "11 arguments",
        STANDARD,
        {f"{MODEL} runtimeVersion": "24.11", f"{MODEL} image": "a@sha256:b"},
    ),
    ("12 ports", TRITON, {f"{CONTAINER} ports 0 name": "http"}),
    ("12 ports", TRITON, {f"{CONTAINER} args 3": "--http-port=8000"}),
    ("12 ports", STANDARD, {f"{MODEL} ports": [{"containerPort": 8080}]}),
    ("13 probes", TRITON, {f"{CONTAINER} startupProbe": None}),
    ("13 probes", TRITON, {f"{CONTAINER} startupProbe failureThreshold": 10}),
    ("13 probes", TRITON, {f"{CONTAINER} readinessProbe httpGet path": "/v2/health/live"}),
    ("13 probes", TRITON, {f"{CONTAINER} livenessProbe httpGet path": "/v2/health/ready"}),
    ("13 probes", TRITON, {f"{CONTAINER} livenessProbe": None}),
    ("14 slow loads", KNATIVE, {f"{NOTE} serving.knative.dev/progress-deadline": None}),
    ("14 slow loads", KNATIVE, {f"{NOTE} serving.knative.dev/progress-deadline": "500s"}),
    ("15 metrics", STANDARD, {f"{NOTE} serving.kserve.io/enable-prometheus-scraping": "true"}),
    ("15 metrics", STANDARD, {f"{MODEL} args": ["--http-address=127.0.0.1"]}),
    ("15 metrics", STANDARD, {f"{MODEL} args": ["--allow-metrics=false"]}),
    ("15 PodMonitor", "PodMonitor/triton", {"spec podMetricsEndpoints 0 port": "http"}),
    ("15 PodMonitor", "PodMonitor/triton", {"spec selector": {"matchLabels": {"app": "a"}}}),
    ("16 what to scale on", KEDA, {QUERY: 'sum(nv_inference_count{namespace="a",pod="b"})'}),
    ("16 what to scale on", KEDA, {QUERY: "sum(nv_inference_pending_request_count)"}),
    (
        "16 what to scale on",
        KEDA,
        {QUERY: 'sum({namespace="a",__name__=~"x|nv_inference_pending_request_count"})'},
    ),
    (
        "16 what to scale on",
        KEDA,
        {QUERY: 'nv_inference_pending_request_count{namespace="a",pod="b",model="ocr"}'},
    ),
    (
        "16 what to scale on",
        "ScaledObject/scaled",
        {"spec triggers 0 metadata query": "nv_gpu_utilization"},
    ),
    ("17 formats", TRITON, {"spec supportedModelFormats 0 autoSelect": True}),
    ("17 formats", TRITON, {"spec supportedModelFormats +": {"name": "tensorrt", "version": "8"}}),
    ("17 runtime by name", STANDARD, {f"{MODEL} runtime": None}),
    ("shutdown", STANDARD, {f"{PREDICTOR} terminationGracePeriodSeconds": None}),
    ("shutdown", TRITON, {f"{CONTAINER} args 6": "--exit-timeout-secs=50"}),
    ("shutdown", TRITON, {f"{CONTAINER} lifecycle": None}),
    ("a budget is one service's", BUDGET, {f"{LABELS} app": "isvc.placed"}),
    ("a budget is one service's", BUDGET, {LABELS: {"component": "predictor"}}),
    ("a budget is one service's", BUDGET, {LABELS: {"app": "isvc.standard-predictor"}}),
    ("routes lead to pods", ROUTE, {"spec rules 1 backendRefs 0 name": "placed"}),
    ("routes lead to pods", ROUTE, {"spec rules 1 backendRefs 0 port": 8080}),
    ("routes lead to pods", ROUTE, {"spec rules 0 backendRefs 0 port": None}),
    ("routes lead to pods", PLACED, {f"{PREDICTOR} minReplicas": 0}),
    ("routes wait as long as services", ROUTE, {"spec rules 1 timeouts request": "60s"}),
    ("routes wait as long as services", ROUTE, {"spec rules 1 timeouts request": "600s"}),
    ("routes wait as long as services", ROUTE, {"spec rules 0 timeouts": None}),
    ("routes wait as long as services", PLACED, {f"{PREDICTOR} timeout": 600}),
    ("pods are spread by service", PLACED, {f"{SPREAD} matchLabelKeys": None}),
    ("pods are spread by service", PLACED, {f"{SPREAD} matchLabelKeys": ["triton/service"]}),
    ("pods are spread by service", PLACED, {f"{SPREAD} labelSelector": None}),
    ("pods are spread by service", PLACED, {f"{ANTI} labelSelector matchLabels app": "placed"}),
    ("claims are there", PLACED, {f"{MODEL} resources claims": [{"name": "gpus"}]}),
    ("claims are there", PLACED, {f"{MODEL} resources claims": []}),
    ("claims are there", PLACED, {f"{MODEL} resources limits": {"nvidia.com/gpu": "1"}}),
    ("claims are there", PLACED, {f"{PREDICTOR} resourceClaims": []}),
    ("claims are there", "ResourceClaimTemplate/gpu", {"metadata name": "gpus"}),
    ("autoscalers read their own pods", KEDA, {f"{PREDICTOR} autoScaling": None}),
    (
        "autoscalers read their own pods",
        KEDA,
        {"spec canary": [{"trafficPercent": 10, "predictor": {"name": "next"}}]},
    ),
    ("autoscalers read their own pods", KEDA, {QUERY: 'sum(up{pod=~"ked-predictor-.*"})'}),
    ("autoscalers read their own pods", KEDA, {QUERY: 'sum(up{pod=~".*-predictor-.*"})'}),
]
"""Rule, manifest, what is changed."""

UPDATES: list[tuple[str, str, Edits, Edits]] = [
    ("mode stays", STANDARD, {f"{NOTE} {MODE}": "Knative"}, {f"{NOTE} a/b": "c"}),
    (
        "predictor's name",
        CANARY,
        {f"{PREDICTOR} name": "other"},
        {f"{PREDICTOR} name": "other", f"{MODEL} storageUri": "s3://bucket/new"},
    ),
    ("workers stay", WORKERS, {"spec workerSpec": None}, {"spec workerSpec tensorParallelSize": 2}),
    (
        "llm: parallelism stays",
        LLM,
        {"spec parallelism pipeline": 3},
        {"spec parallelism tensor": 2},
    ),
    (
        "trained model: memory stays",
        TRAINED,
        {"spec model memory": "2Gi"},
        {"spec model memory": "1024Mi"},
    ),
]
"""Rule, manifest, an update that it refuses, one that it accepts."""
