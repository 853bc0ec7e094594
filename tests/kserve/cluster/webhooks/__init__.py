"""The rules that admission webhooks and reconcilers hold manifests to, and those of a Triton."""

from tests.kserve.cluster.webhooks.kserve import (
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
    updates,
)
from tests.kserve.cluster.webhooks.triton import metrics, pod, storage

MODULES = (
    *(inferenceservice, scaling, multinode, canary, servingruntime, graph, llmisvc, reconcile),
    *(knative, storage, pod, metrics, trainedmodel, updates, selection),
)
"""Importing them registers their rules."""
