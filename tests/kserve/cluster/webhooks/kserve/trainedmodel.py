"""What the TrainedModel webhook refuses; none is shipped, but some add models by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.kserve.cluster.webhooks.bundle import Bundle, Object
from tests.kserve.cluster.webhooks.quantity import quantity
from tests.kserve.cluster.webhooks.rule import KSERVE, rule, update_rule

KIND = "TrainedModel"
WEBHOOK = f"{KSERVE} pkg/apis/serving/v1alpha1/trainedmodel_webhook.go"
SCHEMES = ("s3://", "gs://", "https://", "http://")
_NAME = re.compile(r"[a-zA-Z0-9_-]+")


@rule("trained model: name", KIND, source=f"{WEBHOOK} validateTrainedModelName")
def name(model: Object, _: Bundle) -> Iterator[str]:
    """No dots, though Kubernetes allows them."""
    found = model["metadata"]["name"]
    if not _NAME.fullmatch(found):
        yield f"name: expected {_NAME.pattern}, found {found}"


@rule(
    "trained model: storage",
    KIND,
    source=f"{WEBHOOK} validateStorageURI; pkg/agent/storage/provider.go GetAllProtocol",
)
def storage(model: Object, _: Bundle) -> Iterator[str]:
    """What the agent can download: no volume claims, no images."""
    uri = model["spec"]["model"]["storageUri"]
    if not uri.startswith(SCHEMES):
        yield f"spec.model.storageUri: expected one of {', '.join(SCHEMES)}, found {uri}"


@update_rule("trained model: memory stays", KIND, source=f"{WEBHOOK} validateMemorySpecNotModified")
def memory(old: Object, new: Object) -> Iterator[str]:
    """The memory that was asked for is fixed; another spelling of it is the same."""
    before, after = (each["spec"]["model"]["memory"] for each in (old, new))
    if quantity(before) != quantity(after):
        yield f"spec.model.memory: expected {before}, found {after}"
