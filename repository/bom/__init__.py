"""A CycloneDX 1.6 list of what a built repository holds, and of what the image adds.

Models are components with their files and hashes; checkpoints are components of their own, with
source, revision and licence, on which models depend; the image and its Python packages are
components too. A licence is declared by the author, or concluded: a model's from its checkpoints, a
package's from another version of it. Equal repositories give equal lists, except for the time of
the build, which SOURCE_DATE_EPOCH replaces.
"""

from __future__ import annotations

import datetime
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.spdx import fixup_id
from packageurl import PackageURL

from repository.bom.image import Package, SbomError, packages
from repository.licence import UNKNOWN
from repository.manifest import Manifest
from repository.manifest.schema import MANIFEST, REBUILD
from repository.manifest.shape import lacking
from repository.release import ReleaseError

NAMESPACE = uuid.UUID("7f6b1a52-3f0e-5d0c-9c43-2a4e7b1f9d10")
"""Serial numbers are made in it from the content's digest."""

_NEEDED = ("kit", "target", "families", "exports", "models", "times")
_WEIGHTS = ("onnx", "plan")
_SPDX = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
}
"""How packages write licences -> SPDX's identifier."""


def sbom(manifest: Manifest, requirements: str | None) -> str:
    """The list as JSON, ending in a line end.

    Args:
        manifest: the repository's.
        requirements: the text of the file of requirements that its image is made with; None to
            list Triton's image without the packages that are added to it.

    Raises:
        SbomError: the manifest lacks what the list needs, or SOURCE_DATE_EPOCH is not a time.
    """
    try:
        triton = manifest.target["triton"]
        image = () if requirements is None else packages(triton, requirements)
        bom = _bom(manifest, image)
    except ReleaseError as error:
        told = f"{MANIFEST}, target, triton"
        raise SbomError(
            [replace(each, where=told, remedy=REBUILD) for each in error.findings]
        ) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        named = isinstance(error, KeyError)
        what = f"it names {str(error)[:120]}, and has none" if named else "a value is another's"
        told = f" ({what}). {REBUILD}"
        if findings := lacking(vars(manifest), *_NEEDED):
            told = ":\n" + "\n".join(map(str, findings))
        raise SbomError(
            f"manifest.json does not say what a list of contents needs{told}"
        ) from error
    made: str = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(
        indent=2
    )
    return made + "\n"


def _bom(manifest: Manifest, image: Iterable[Package]) -> Bom:
    repository = Component(
        name="model-repository",
        type=ComponentType.APPLICATION,
        bom_ref="repository",
        version=manifest.digest,
        description="A Triton model repository.",
        properties=[
            Property(name=f"target:{key}", value=value) for key, value in manifest.target.items()
        ],
    )
    sources = {
        f"{family}/{name}": _source(f"{family}/{name}", source)
        for family, each in manifest.families.items()
        for name, source in each["sources"].items()
    }
    models = {name: _model(manifest, name) for name in manifest.models}
    container = _container(manifest.target["triton"])
    python = [_package(package) for package in image]
    serial = ",".join([manifest.digest, *(f"{each.name}=={each.version}" for each in image)])
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, serial),
        metadata=BomMetaData(
            component=repository,
            timestamp=_time(manifest),
            tools=ToolRepository(
                components=[
                    Component(
                        name=manifest.kit["name"],
                        version=manifest.kit["version"],
                        type=ComponentType.APPLICATION,
                    )
                ]
            ),
        ),
        components=[*models.values(), *sources.values(), container, *python],
    )
    # Written out one by one: the library's register_dependency walks all of them for each.
    depends = {repository: [*models.values(), container], container: python}
    for name, model in models.items():
        depends[model] = [sources[each] for each in _sources(manifest, name)]
    bom.dependencies = [
        Dependency(ref=each.bom_ref, dependencies=[Dependency(ref=one.bom_ref) for one in on])
        for each, on in depends.items()
    ]
    return bom


def _sources(manifest: Manifest, model: str) -> list[str]:
    """``family/name`` of each checkpoint that a model is made of."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = list(manifest.models[model]["exports"])
    while pending:
        each = pending.pop()
        if each not in seen:
            seen.add(each)
            export = manifest.exports[each]
            found.add(f"{export['family']}/{export['source']}")
            pending += export.get("parts", ())
    return sorted(found)


def _model(manifest: Manifest, name: str) -> Component:
    facts = manifest.models[name]
    files = {path: file for path, file in manifest.files.items() if path.startswith(f"{name}/")}
    weights = facts["kind"] in _WEIGHTS
    properties = {
        "triton:kind": facts["kind"],
        "triton:backend": facts["backend"],
        "triton:bytes": str(facts["bytes"]),
    }
    return Component(
        name=name,
        type=ComponentType.MACHINE_LEARNING_MODEL if weights else ComponentType.APPLICATION,
        bom_ref=f"model/{name}",
        version="1",
        licenses=_licences(_concluded(manifest, name), LicenseAcknowledgement.CONCLUDED),
        properties=[Property(name=key, value=value) for key, value in properties.items()],
        components=[
            Component(
                name=path,
                type=ComponentType.FILE,
                bom_ref=f"file/{path}",
                hashes=[_sha256(file.sha256)],
            )
            for path, file in files.items()
        ],
    )


def _concluded(manifest: Manifest, model: str) -> str:
    """The licences of a model's checkpoints together; empty if one is not known, or there is none.

    Source: SPDX specification 2.3, annex D, for the expression.
    """
    found = set()
    for each in _sources(manifest, model):
        family, _, name = each.partition("/")
        found.add(_spdx(manifest.families[family]["sources"][name]["licence"]))
    if UNKNOWN in found:
        return ""
    if len(found) == 1:
        return str(*found)
    return " AND ".join(f"({each})" if " " in each else each for each in sorted(found))


def _source(name: str, source: Mapping[str, Any]) -> Component:
    scheme, _, rest = source["uri"].partition(":")
    licence = source["licence"]
    return Component(
        name=name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"source/{name}",
        version=source["revision"],
        description=source.get("about") or None,
        licenses=_licences("" if licence == UNKNOWN else licence),
        # Said by itself: who reads the list shall not take it for one that was forgotten.
        properties=[Property(name="triton:licence", value=UNKNOWN)] if licence == UNKNOWN else [],
        purl=_source_purl(scheme, rest, source["revision"]),
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION_INTAKE,
                url=XsUri(source["uri"]),
                comment="The source in the profile.",
            )
        ],
        components=[
            Component(
                name=file,
                type=ComponentType.FILE,
                bom_ref=f"source/{name}/{file}",
                hashes=[_sha256(sha256)],
            )
            for file, sha256 in source["files"].items()
        ],
    )


def _source_purl(scheme: str, rest: str, revision: str | None) -> PackageURL | None:
    """``hub:`` and ``package:`` sources have one; a path on somebody's disk has none.

    Source: the types ``huggingface`` and ``pypi`` of the package URL specification.
    """
    if scheme == "hub":
        owner, _, name = rest.partition("@")[0].rpartition("/")
        return PackageURL("huggingface", owner or None, name, revision)
    if scheme == "package":
        name, _, file = rest.partition("/")
        return PackageURL("pypi", None, name, revision, subpath=file or None)
    return None


def _container(triton: str) -> Component:
    tag = f"{triton}-py3"
    return Component(
        name="nvidia/tritonserver",
        type=ComponentType.CONTAINER,
        bom_ref="image",
        version=tag,
        purl=PackageURL(
            "docker", "nvidia", "tritonserver", tag, qualifiers={"repository_url": "nvcr.io"}
        ),
    )


def _package(package: Package) -> Component:
    return Component(
        name=package.name,
        type=ComponentType.LIBRARY,
        bom_ref=f"package/{package.name}",
        version=package.version,
        licenses=_licences(
            package.licence,
            LicenseAcknowledgement.DECLARED
            if package.declared
            else LicenseAcknowledgement.CONCLUDED,
        ),
        purl=PackageURL("pypi", None, package.name, package.version),
    )


def _licences(
    licence: str, how: LicenseAcknowledgement = LicenseAcknowledgement.DECLARED
) -> list[License]:
    if not licence:
        return []
    return [LicenseFactory().make_from_string(_spdx(licence), license_acknowledgement=how)]


def _spdx(licence: str) -> str:
    """SPDX's identifier, also of one in other letters; a licence that it has none for as it is."""
    named = _SPDX.get(licence.lower(), licence)
    return fixup_id(named) or named


def _sha256(value: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=value)


def _time(manifest: Manifest) -> datetime.datetime:
    """Source of SOURCE_DATE_EPOCH: reproducible-builds.org's specification of that name."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.datetime.fromisoformat(manifest.times["built"])
    try:
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SbomError(
            f"SOURCE_DATE_EPOCH is '{epoch[:40]}', not a number of seconds since 1970. "
            "Set it to one, or unset it."
        ) from error
