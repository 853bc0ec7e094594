"""Any values file: what is accepted renders, is valid, and names its namespace; what is refused
renders nothing."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from builders.bundle.exclusions import exclusions
from builders.bundle.gpus import SLICES
from builders.bundle.parts import Parts
from builders.bundle.values import ValuesError, load_values
from builders.cli.app import app
from tests.docs.pages import page
from tests.kserve.cluster.webhooks.rule import breaches
from tests.kserve.overlays.test_overlays import CLUSTER_WIDE
from tests.kserve.render import KSERVE, SHORT_LIVED, parsed
from tests.kserve.schemas import schemas

Object = dict[str, Any]

PARTS = Parts.at(KSERVE)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's kustomize takes the variables of this process."""
    for name, value in SHORT_LIVED.items():
        monkeypatch.setenv(name, value)


LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
WORDS = st.one_of(LABELS, st.text(max_size=8), st.sampled_from(("Team_A", "-a", "a" * 64, "a.b")))
"""Mostly names, and some text that is none."""

COUNTS = st.one_of(
    st.integers(0, 6),
    st.fixed_dictionaries({"min": st.integers(0, 4)}, optional={"max": st.integers(1, 8)}),
)


def some(names: tuple[str, ...], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=most, unique=True)


REPOSITORY = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "claim": LABELS,
            "folder": st.sampled_from(("models", "a/b", "../c")),
            "size": st.sampled_from(("5Gi", "5")),
            "storageClass": LABELS,
            "accessMode": st.sampled_from(("ReadWriteMany", "ReadWriteOnce")),
            "existing": st.booleans(),
        },
    ),
    st.fixed_dictionaries(
        {"bucket": st.sampled_from(("s3://mine/team", "s3://mine", "gs://mine/team", "mine"))},
        optional={"folder": st.just("v2")},
    ),
)

VALUES = st.fixed_dictionaries(
    {"overlay": st.sampled_from(PARTS.overlays)},
    optional={
        "namespace": st.one_of(LABELS, LABELS, LABELS, WORDS),
        "services": some(PARTS.services, 3),
        "components": some(PARTS.components, 3),
        "repository": REPOSITORY,
        "checkpoint": st.fixed_dictionaries({}, optional={"claim": LABELS, "size": st.just("9Gi")}),
        "images": st.dictionaries(
            st.sampled_from(PARTS.images),
            st.sampled_from(("r.example/a:1", f"a@sha256:{'0' * 64}", "A B")),
            max_size=2,
        ),
        "mirror": st.sampled_from(("r.example:5000/m", "https://r")),
        "pullSecret": LABELS,
        "priorityClass": LABELS,
        "gateway": st.fixed_dictionaries({"domain": LABELS}, optional={"name": st.just("a/b")}),
        "deviceClass": st.just("gpu.nvidia.com"),
        "gpu": st.fixed_dictionaries(
            {
                "type": st.sampled_from(tuple(SLICES)),
                "slice": st.sampled_from(("1g.10gb", "3g.40gb", "1g.18gb")),
            }
        ),
        "replicas": st.dictionaries(st.sampled_from(PARTS.services), COUNTS, max_size=2),
        "unknown": st.just(1),
    },
)


def strings(value: Any) -> Iterator[str]:
    """Every text in an object, and the keys of its mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


NAMED = re.compile(
    r'namespace=~?\\?"([^"\\$]+)|([\w-]+)/(?:triton|tensorrt-llm|vllm)\b'
    r"|//[\w-]+\.([\w-]+)\.svc\b"
)
"""Where a text names a namespace: in a selector, a scrape job, an address."""


def strays(objects: list[Object], namespace: str) -> list[str]:
    """Where something else is named than the namespace."""
    found = []
    for each in objects:
        name = f"{each['kind']}/{each['metadata']['name']}"
        if each["kind"] == "Namespace":
            found += [name] if each["metadata"]["name"] != namespace else []
        elif each["kind"] not in CLUSTER_WIDE and each["metadata"].get("namespace") != namespace:
            found.append(name)
        for text in strings(each):
            for match in NAMED.finditer(text):
                stated = next(group for group in match.groups() if group)
                if stated == "multimodal" != namespace:
                    found.append(f"{name}: {text[:200]}")
    return found


def accepted(text: str) -> list[Object] | None:
    """The objects of a values file; None if it is refused, with nothing rendered."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.yaml"
        path.write_text(text, encoding="utf-8")
        result = CliRunner().invoke(app, ["manifests", "--values", str(path)])
        try:
            load_values(path, PARTS)
        except ValuesError as error:
            assert (result.exit_code, result.stdout) == (2, "")
            assert len(result.stderr.splitlines()) == len(error.findings) > 0
            return None
    assert result.exit_code == 0, result.output
    return parsed(result.stdout)


@pytest.mark.thorough
@pytest.mark.parametrize("tries", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_what_is_accepted_is_valid_and_what_is_refused_renders_nothing(tries: int) -> None:
    rendered: list[Object] = []
    refused: list[Object] = []

    @settings(
        max_examples=tries,
        deadline=None,
        derandomize=True,
        # Each try renders, so to shrink a failure would take minutes.
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(VALUES)
    @example({"overlay": "gpu", "namespace": "n", "components": ["keda"]})
    @example({"overlay": "gpu", "namespace": "n", "components": ["keda", "canary"]})
    def held(values: Object) -> None:
        objects = accepted(json.dumps(values))
        (refused if objects is None else rendered).append(values)
        if objects is not None:
            assert strays(objects, values.get("namespace", "multimodal")) == []
            assert [problem for each in objects for problem in schemas.problems(each)] == []
            assert breaches(objects) == {}

    held()
    assert len(rendered) > 1 and len(refused) > 1, "or else it would hold of nothing"


@pytest.mark.parametrize("overlay", PARTS.overlays)
def test_every_component_may_be_in_a_namespace_of_ones_own(overlay: str) -> None:
    table = exclusions(KSERVE)
    fitting: list[str] = []
    for name in PARTS.components:
        only = table.only.get(name)
        beside = [*fitting, name, *PARTS.components_of(overlay), *PARTS.services_of(overlay)]
        if (only is None or overlay in only.overlays) and not list(table.among(beside)):
            fitting.append(name)
    objects = accepted(
        json.dumps({"overlay": overlay, "namespace": "team-a", "components": fitting})
    )
    assert objects is not None and len(fitting) > 3
    assert strays(objects, "team-a") == []
    assert [problem for each in objects for problem in schemas.problems(each)] == []


SECTION = page("docs/deploy/values-file.md").text
EXAMPLE, MISTAKEN = re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


def test_the_pages_example_does_what_it_says() -> None:
    objects = accepted(EXAMPLE)
    assert objects is not None
    found = {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}
    service = found["InferenceService/multimodal"]["spec"]["predictor"]
    assert service["model"]["storageUri"] == "s3://team-a/assistant/models"
    assert (service["minReplicas"], service["maxReplicas"]) == (2, 6)
    assert "PersistentVolumeClaim/llama" in found
    assert "InferenceService/ocr" not in found
    assert strays(objects, "team-a") == []
    assert [problem for each in objects for problem in schemas.problems(each)] == []
    assert breaches(objects) == {}


def test_the_pages_mistakes_are_told_in_its_words(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(MISTAKEN, encoding="utf-8")
    result = CliRunner().invoke(app, ["manifests", "--values", str(path)])
    (told,) = re.findall(r"^```text\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    assert result.exit_code == 2
    assert result.stderr == told


def test_the_page_explains_every_key() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| .+ \| .+ \|$", SECTION, re.MULTILINE)
    named = [key for row in rows for key in re.findall(r"\w+", row)]
    keys = json.loads((KSERVE / "values.schema.json").read_text(encoding="utf-8"))["properties"]
    assert named == list(dict.fromkeys(named)) and set(named) == set(keys)
