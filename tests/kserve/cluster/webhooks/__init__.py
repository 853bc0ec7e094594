"""The rules that admission webhooks and reconcilers hold manifests to, and those of a Triton."""

from tests.kserve.cluster.webhooks import (
    canary,
    graph,
    inferenceservice,
    knative,
    llmisvc,
    multinode,
    reconcile,
    scaling,
    selection,
    servingruntime,
    trainedmodel,
    triton_metrics,
    triton_pod,
    triton_storage,
    updates,
)

MODULES = (
    *(inferenceservice, scaling, multinode, canary, servingruntime, graph, llmisvc, reconcile),
    *(knative, triton_storage, triton_pod, triton_metrics, trainedmodel, updates, selection),
)
"""Importing them registers their rules."""
