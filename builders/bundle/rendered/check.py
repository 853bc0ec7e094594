"""The check of rendered manifests: ``python -m builders.bundle.rendered.check < rendered.yaml``.

It prints the namespace that they are for, so that `make deploy` can put a Secret there. Exit codes:
0 fine; 1 a rule is broken, one sentence each on standard error; 2 what came is no YAML.
"""

from __future__ import annotations

import sys

import yaml

from builders.bundle.rendered.objects import Rendered
from builders.bundle.rendered.rules import breaches

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def main(text: str) -> int:
    """Checks a rendering.

    Args:
        text: objects as kustomize prints them.

    Returns:
        The exit code.
    """
    try:
        objects = [each for each in yaml.load_all(text, _LOADER) if each]
    except yaml.YAMLError as problem:
        print(f"error: the rendering is no YAML: {problem}", file=sys.stderr)
        return 2
    found = breaches(objects)
    for sentences in found.values():
        for sentence in sentences:
            print(f"error: {sentence}.", file=sys.stderr)
    if found:
        return 1
    namespace = Rendered(objects).namespace
    if not namespace:
        print(
            "error: no object is in a namespace. Name one, by `namespace:` in the overlay.",
            file=sys.stderr,
        )
        return 1
    print(namespace)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read()))
