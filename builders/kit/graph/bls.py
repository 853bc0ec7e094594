"""A pipeline as a BLS model: a Python-backend model that calls the composing models itself.

Unlike the ensemble it can be edited by hand afterwards to loop or branch; the price is one more
process on every request.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from builders.kit.graph import Ensemble, InstanceGroup, Model, PythonModel, wire
from builders.kit.graph.error import GraphError
from repository.copied.flow import Ends, waves
from repository.findings import finding_of
from repository.layout import BLS_SUFFIX


@dataclass(frozen=True, kw_only=True)
class BlsModel(Model):
    """A generated BLS model.

    Attributes:
        calls: the models that it calls.
        flow: what :mod:`repository.copied.bls_model` runs: ``inputs``, the names of the pipeline's
            own, ``ends``, as :class:`~repository.copied.flow.Ends`, and ``steps``, as
            :class:`~repository.copied.flow.Wiring`.
    """

    calls: tuple[Model, ...]
    flow: str

    @property
    def needs(self) -> tuple[Model, ...]:
        """What it calls."""
        return self.calls


def bls(ensemble: Ensemble) -> BlsModel:
    """The ensemble's BLS twin, with the same inputs and outputs.

    Raises:
        GraphError: the ensemble is decoupled (asynchronous BLS calls do not exist in decoupled
            models), or has a step whose requests come in sequences.
        ValueError: its steps cannot be ordered.
    """
    if any(model.decoupled for model in ensemble.composing()):
        raise _no_twin(ensemble, "that an asynchronous BLS model can call", "a decoupled one")
    if any(isinstance(each, PythonModel) and each.sequences for each in ensemble.composing()):
        raise _no_twin(ensemble, "that need no sequences, which a twin does not pass on", "one")
    steps = wire(ensemble)
    inputs = [tensor.name for tensor in ensemble.inputs]
    waves(steps, inputs)
    ends = Ends(
        batches=ensemble.max_batch_size > 0,
        outputs={tensor.name: ensemble.dims(tensor) for tensor in ensemble.outputs},
    )
    flow = {"inputs": inputs, "ends": asdict(ends), "steps": [asdict(step) for step in steps]}
    return BlsModel(
        name=ensemble.name + BLS_SUFFIX,
        inputs=ensemble.inputs,
        outputs=ensemble.outputs,
        max_batch_size=ensemble.max_batch_size,
        # An instance runs one request at a time, and releases before 26.08 let single requests
        # stand still behind a bounded queue with one instance alone.
        instances=(InstanceGroup(count=2),),
        calls=tuple({step.model.name: step.model for step in ensemble.steps}.values()),
        flow=json.dumps(flow, indent=2) + "\n",
    )


def _no_twin(ensemble: Ensemble, which: str, found: str) -> GraphError:
    remedy = "Leave BLS twins out of the profile, by bls: false, or mend the pipeline."
    return GraphError([finding_of("bls", ensemble.name, f"steps {which}", found, remedy)])
