"""What the demo's models take at their largest requests: ``python -m tests.kserve.runtime.record``.

It measures them for a minute, on a machine that does nothing else, and writes :data:`RECORD`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from builders.kit.resources.measure import Load, Measured, measure
from repository.manifest import read_manifest
from tests.kserve.schemas.crds import ROOT

BUILT = ROOT / "model_repository"
RECORD = Path(__file__).with_name("demo_load.json")


def recorded() -> Load:
    """What was measured: bytes, and rows of the first input."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    models = {name: Measured(**facts) for name, facts in record["models"].items()}
    return Load(models, record["tensors"], tuple(record["requests"]))


def measured() -> Load:
    """What is measured now, of every pipeline of the demo's families."""
    families = read_manifest(BUILT).families.values()
    return measure(BUILT, {name: None for family in families for name in family["pipelines"]})


def main() -> None:
    """Writes it."""
    load = measured()
    record = {
        "requests": list(load.requests),
        "tensors": load.tensors,
        "models": {name: asdict(facts) for name, facts in load.models.items()},
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
