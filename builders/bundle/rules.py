"""What a values file may not ask for, though each of its keys is sound by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from builders.bundle.exclusions import Exclusions, exclusions
from builders.bundle.gpus import SLICES
from builders.bundle.overlay import SWITCHES, chosen, services
from builders.bundle.parts import Parts, asks_for_gpu, serves_repository
from builders.bundle.values import KIND, Replicas, Values
from repository.files.yaml_file import suggest
from repository.findings import Finding
from repository.transfer.address import Bucket, parse
from repository.transfer.errors import TransferError

Where = Callable[..., str]
"""A place in the file -> its name with the line: ``where("services", 0)``."""

KNATIVE = "knative"
SCALING = ("keda", "knative-scaling")
"""The components that scale; each states the most replicas itself."""


def mistakes(values: Values, parts: Parts, where: Where) -> list[Finding]:
    """All that is wrong with values whose form is right.

    Args:
        values: the values.
        parts: the bundle that they are for.
        where: names places.
    """
    judge = _Judge(values, parts, where, exclusions(parts.folder))
    return list(judge.findings())


class _Judge:
    def __init__(self, values: Values, parts: Parts, where: Where, table: Exclusions) -> None:
        self.values = values
        self.parts = parts
        self.where = where
        self.table = table
        self.known = values.overlay in parts.overlays
        self.services = [
            each
            for each in (services(values, parts) if self.known else values.services or ())
            if each in parts.services
        ]
        own = parts.components_of(values.overlay) if self.known else ()
        self.components = [*own, *chosen(values)]

    def findings(self) -> Iterator[Finding]:
        if not self.known:
            yield self._unknown(("overlay",), self.values.overlay, self.parts.overlays)
        yield from self._list("services", self.values.services or (), self.parts.services)
        yield from self._list("components", self.values.components, self.parts.components)
        for name in self.values.images:
            if name not in self.parts.images:
                yield self._unknown(("images", name), name, self.parts.images)
        yield from self._gpus_for_services()
        yield from self._names()
        yield from self._overlays()
        yield from self._exclusive()
        yield from self._needs()
        yield from self._claims()
        yield from self._bucket()
        yield from self._gpu()
        for name, replicas in self.values.replicas.items():
            yield from self._replicas(name, replicas)

    def _list(self, key: str, given: Sequence[str], known: Sequence[str]) -> Iterator[Finding]:
        """Names that do not exist, and names that stand twice."""
        for at, name in enumerate(given):
            if name not in known:
                yield self._unknown((key, at), name, known)
            elif name in given[:at]:
                yield self._finding((key, at), "each name once", f"'{name}' twice", "Remove one.")

    def _gpus_for_services(self) -> Iterator[Finding]:
        if not self.known or self.parts.has_gpus(self.values.overlay):
            return
        for name in self.services:
            if any(map(asks_for_gpu, self.parts.service(name))):
                yield self._finding(
                    self._at("services", name),
                    f"services without a GPU on the overlay '{self.values.overlay}'",
                    f"'{name}'",
                    "Take the overlay gpu or gpu-mig, or leave it out.",
                )

    def _names(self) -> Iterator[Finding]:
        """Two services that are one object's name."""
        owners: dict[tuple[str, str], str] = {}
        for service in self.services:
            for manifest in self.parts.service(service):
                key = (manifest["kind"], manifest["metadata"]["name"])
                other = owners.setdefault(key, service)
                if other != service:
                    yield self._finding(
                        self._at("services", service),
                        "services of different names",
                        f"'{other}' and '{service}', which are both {'/'.join(key)}",
                        "Leave one of them out.",
                    )

    def _overlays(self) -> Iterator[Finding]:
        for name in [*chosen(self.values), *self.services] if self.known else ():
            only = self.table.only.get(name)
            if only and self.values.overlay not in only.overlays:
                key = "services" if name in self.services else "components"
                yield self._finding(
                    self._at(key, name),
                    f"'{name}' on {_either(only.overlays)} alone",
                    f"it on '{self.values.overlay}': {only.why}",
                    "Leave it out, or take another overlay.",
                )

    def _exclusive(self) -> Iterator[Finding]:
        for one, other, why in self.table.among([*self.components, *self.services]):
            key = "services" if other in self.services else "components"
            yield self._finding(
                self._at(key, other),
                f"'{one}' without '{other}'",
                f"both: {why}",
                "Leave one of them out.",
            )

    def _needs(self) -> Iterator[Finding]:
        """Components without what they need, or without a service that they are for."""
        known = [each for each in chosen(self.values) if each in self.parts.components]
        for name in known:
            needs = self.table.needs.get(name)
            if needs and needs.component not in self.components:
                yield self._finding(
                    self._at("components", name),
                    f"'{name}' with '{needs.component}'",
                    f"it alone: {needs.why}",
                    f"Add {needs.component}, or leave {name} out.",
                )
        serves = any(map(serves_repository, chain(*map(self.parts.service, self.services))))
        for name in known if self.known and self.services and not serves else ():
            if name in self.table.repository:
                yield self._finding(
                    self._at("components", name),
                    f"a service of the model repository for '{name}'",
                    f"{', '.join(self.services)} alone",
                    f"Leave {name} out, or serve one of {', '.join(self._of_repository())}.",
                )

    def _of_repository(self) -> list[str]:
        """The services of the model repository."""
        return [
            name
            for name in self.parts.services
            if any(map(serves_repository, self.parts.service(name)))
        ]

    def _claims(self) -> Iterator[Finding]:
        """Findings about a claim that is not made, or that nothing reads."""
        reads = [
            serves_repository(each) for name in self.services for each in self.parts.service(name)
        ]
        for key, read in (("repository", True in reads), ("checkpoint", False in reads)):
            given = getattr(self.values, key)
            stated = [
                type(given).model_fields[each].alias or each
                for each in sorted(given.model_fields_set)
            ]
            if stated and not read and self.known:
                remedy = "Leave it out, or serve one that does."
                yield self._finding((key,), "a service that reads it", "none", remedy)
            made = [each for each in stated if each in ("size", "storageClass", "accessMode")]
            for each in made if given.existing else ():
                found, remedy = "it of one that exists", "Leave one of the two out."
                yield self._finding((key, each), "it of a claim that is made", found, remedy)
        one, other = self.values.repository, self.values.checkpoint
        if one.claim and one.claim == other.claim and not one.existing and not other.existing:
            remedy = "Give two names, or say of one that it is existing."
            found = f"'{one.claim}' twice"
            yield self._finding(("checkpoint", "claim"), "claims of two names", found, remedy)

    def _bucket(self) -> Iterator[Finding]:
        given = self.values.repository
        claimed = sorted(given.model_fields_set - {"bucket", "folder"})
        stored = [each for each in ("object-store", "model-cache") if each in self.components]
        for key in claimed if stored else ():
            alias = type(given).model_fields[key].alias or key
            found = "both" if given.bucket else f"it with the component {stored[0]}"
            remedy = "Leave one of them out."
            yield self._finding(("repository", alias), "a claim or a bucket", found, remedy)
        if given.bucket is None:
            return
        place = ("repository", "bucket")
        if not given.bucket.startswith("s3://"):
            expected = "a bucket that a storage container of the bundle covers, s3://bucket/prefix"
            remedy = "Push the repository to an S3-compatible bucket, or take a claim."
            yield self._finding(place, expected, f"'{given.bucket}'", remedy)
            return
        try:
            address = parse(given.bucket)
        except TransferError:
            address = None
        if not isinstance(address, Bucket) or str(address) != given.bucket or not address.prefix:
            expected = "s3://bucket/prefix, without '/' at its end"
            remedy = "Write one as s3://models/multimodal."
            yield self._finding(place, expected, f"'{given.bucket}'", remedy)

    def _gpu(self) -> Iterator[Finding]:
        gpu = self.values.gpu
        if gpu is None:
            return
        layers = (
            [each.name for each in self.parts.layers(self.values.overlay)] if self.known else []
        )
        if self.known and "mig" not in self.components and "gpu-mig" not in layers:
            yield self._finding(
                ("gpu",),
                "a slice with the overlay gpu-mig, or with the component mig",
                "neither",
                "Take the overlay gpu-mig, or leave gpu out.",
            )
        slices = SLICES.get(gpu.type)
        if slices is None:
            yield self._unknown(("gpu", "type"), gpu.type, tuple(SLICES))
        elif gpu.slice not in slices:
            expected = f"a slice of {gpu.type}: {', '.join(slices)}"
            yield self._finding(
                ("gpu", "slice"), expected, f"'{gpu.slice}'", suggest(gpu.slice, slices)
            )

    def _replicas(self, name: str, replicas: Replicas) -> Iterator[Finding]:
        place = ("replicas", name)
        if name not in self.services:
            if self.known:
                yield self._unknown(place, name, self.services)
            return
        triton = any(map(serves_repository, self.parts.service(name)))
        scaling = [each for each in SCALING if each in self.components and triton]
        scales = bool(scaling) or (triton and self.values.overlay == KNATIVE)
        if scaling and replicas.max is None:
            expected = f"min and max, between which {scaling[0]} scales"
            yield self._finding(place, expected, f"{replicas.min} alone", "Write both.")
        if replicas.max is not None and not scales and self.known:
            remedy = "Write one number, or switch on keda, or knative-scaling on knative."
            yield self._finding(place, "one number where nothing scales", "min and max", remedy)
        if replicas.max is not None and replicas.min > replicas.max:
            found = f"min {replicas.min} and max {replicas.max}"
            yield self._finding(place, "a min of at most max", found, "Turn them round.")
        if replicas.min == 0 and self.known and self.values.overlay != KNATIVE:
            remedy = "Write 1, or take the overlay knative, which starts pods by requests."
            yield self._finding(place, "at least 1 where requests start no pod", "0", remedy)
        if "canary" in self.components and name == "multimodal" and replicas.min == 1:
            remedy = "Write 2: KServe takes the canary's replica off the stable service's."
            yield self._finding(place, "at least 2 with the component canary", "1", remedy)

    def _at(self, key: str, name: str) -> tuple[str | int, ...]:
        """Where a list names something; what a key or the overlay switches on counts too."""
        given = getattr(self.values, key) or ()
        if name in given:
            return (key, given.index(name))
        if name == "object-store" and self.values.repository.bucket:
            return ("repository", "bucket")
        switches = {component: each for each, component in SWITCHES.items()}
        return (switches.get(name, "overlay"),)

    def _unknown(self, place: tuple[str | int, ...], name: str, known: Sequence[str]) -> Finding:
        expected = f"one of {', '.join(known)}"
        return self._finding(place, expected, f"'{name}'", suggest(name, known))

    def _finding(
        self, place: tuple[str | int, ...], expected: str, found: str, remedy: str
    ) -> Finding:
        return KIND.finding(self.where(*place), expected, found, remedy)


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"'{each}'" for each in names)
