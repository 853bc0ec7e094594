"""Resources as a JSON 6902 patch of a ServingRuntime, with each number's reason."""

from __future__ import annotations

from collections.abc import Sequence

from builders.kit.resources.total import MIB, Need, Resources

HEAD = """\
# Written by `tmk resources`. In a kustomization:
#   patches:
#     - path: patch.yaml
#       target:
#         kind: ServingRuntime
#         name: {runtime}
# Largest requests: {requests}; {concurrency} at once.
# `test` refuses a runtime whose first container or volume is another. Its CPU stays as it is.
"""

RESOURCES = "/spec/containers/0/resources"


def patch(needed: Resources, *, runtime: str, requests: Sequence[str], concurrency: int) -> str:
    """The patch as YAML.

    A JSON 6902 patch, since a strategic merge of a custom resource replaces its list of containers.

    Args:
        needed: the numbers.
        runtime: the ServingRuntime's name.
        requests: in words, what the numbers are for.
        concurrency: how many of them at once.
    """
    memory, shared = _quantity(needed.memory), _quantity(needed.shared_memory)
    parts = _list(needed.parts, "What is counted, with room for fragmentation:")
    requested = "As requested: a pod above its request is the first that a full node ends."
    lines = [
        HEAD.format(runtime=runtime, requests="; ".join(requests), concurrency=concurrency),
        _operation("test", "/spec/containers/0/name", "kserve-container"),
        _operation("test", "/spec/volumes/0/name", "shared-memory"),
        _list(needed.regions, "A region for each instance of a Python or onnxruntime model:"),
        _operation("replace", "/spec/volumes/0/emptyDir/sizeLimit", shared),
        parts,
        _operation("add", f"{RESOURCES}/requests/memory", memory),
        f"# {requested}\n",
        _operation("add", f"{RESOURCES}/limits/memory", memory),
        "# The repository as it is downloaded, logs and temporary files.\n",
        _operation("add", f"{RESOURCES}/requests/ephemeral-storage", _quantity(needed.storage)),
    ]
    if needed.gpus:
        lines.append("# As many as the instance groups name, and at least one.\n")
        lines += [
            _operation("add", f"{RESOURCES}/{kind}/nvidia.com~1gpu", f'"{needed.gpus}"')
            for kind in ("requests", "limits")
        ]
    return "".join(lines)


def _operation(name: str, path: str, value: str) -> str:
    return f"- op: {name}\n  path: {path}\n  value: {value}\n"


def _list(needs: Sequence[Need], title: str) -> str:
    lines = [f"#   {need.bytes / MIB:8,.0f} MiB  {need.words}" for need in needs]
    return "\n".join([f"# {title}", *lines]) + "\n"


def _quantity(value: int) -> str:
    return f"{value // MIB}Mi"
