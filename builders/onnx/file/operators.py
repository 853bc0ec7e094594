"""Operators of a file that the server has not, or that cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from builders.onnx.file.locales import absent_locales
from builders.onnx.file.reading import ORDINARY, OnnxFile
from repository.findings import shortened
from repository.onnx.operators import lacks
from repository.onnx.walk import nodes
from repository.onnxruntime_rules.facts import Violation
from repository.release import RELEASES, Release

_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}


def wrong_operators(file: OnnxFile, release: Release) -> Iterator[Violation]:
    """Operators that there are not, that came after the release, or that draw random numbers."""
    yield from _later_operators(file, release)
    yield from absent_locales(file.model)
    for domain, name in sorted(_unknown_operators(file)):
        version = file.domains.get(domain or "ai.onnx", 0)
        yield Violation(
            "operators",
            "",
            f"operators of {domain or 'ai.onnx'} in its version {version}",
            f"'{name}', which it has not",
            "Export it again, with the opset that has it.",
        )
    random = {
        node.op_type
        for node in nodes(file.model)
        if node.op_type in _RANDOM and not any(each.name == "seed" for each in node.attribute)
    }
    if random:
        yield Violation(
            "random",
            "",
            "a model that answers the same request with the same values",
            f"operators that draw random numbers: {', '.join(sorted(random))}",
            "Give each a seed, or have the random numbers as an input: what is served is compared "
            "with its source.",
        )


def custom_operators(file: OnnxFile) -> Violation:
    """Operators of a library that nobody names."""
    return Violation(
        "operators",
        "",
        f"operators of the domains {', '.join(ORDINARY[1:])}",
        f"custom ones: {shortened(', '.join(file.custom_operators), 300)}",
        "Name the library that has them, operators: [path:/FOLDER/LIBRARY.so], which has to lie at "
        "that path on every machine that serves the model. Or export it without them.",
    )


def _later_operators(file: OnnxFile, release: Release) -> Iterator[Violation]:
    """Operators that came after the release's ONNX Runtime."""
    used = {f"{node.domain}.{node.op_type}" for node in nodes(file.model)}
    for name in sorted(each for each in used if lacks(release.onnxruntime, each)):
        having = [each.name for each in RELEASES.values() if not lacks(each.onnxruntime, name)]
        yield Violation(
            "operators",
            "",
            f"operators of ONNX Runtime {release.onnxruntime}, as in Triton {release.name}",
            f"'{name}', which came later",
            f'Write triton: "{having[0]}" or newer, or export it without.',
        )


def _unknown_operators(file: OnnxFile) -> set[tuple[str, str]]:
    """Domain and name of each operator of the standard that its imported version has not."""
    own = {(each.domain, each.name) for each in file.model.functions}
    found: set[tuple[str, str]] = set()
    for node in nodes(file.model):
        domain = "" if node.domain == "ai.onnx" else node.domain
        version = file.domains.get(domain or "ai.onnx", 0)
        if domain in ("", "ai.onnx.ml") and (node.domain, node.op_type) not in own:
            try:
                onnx.defs.get_schema(node.op_type, version, domain)
            except onnx.defs.SchemaError:
                # Newer than the onnx package: not for it to say.
                if version <= onnx.defs.onnx_opset_version() or domain:
                    found.add((domain, node.op_type))
    return found
