"""Values files: what is accepted, and every mistake in a sentence with its line, all at once."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from builders.bundle.gpus import SLICES
from builders.bundle.parts import FOLDER, Parts
from builders.bundle.schema import NAME, schema_text
from builders.bundle.values import Values, ValuesError, load_values
from builders.cli.app import app

PARTS = Parts.at(FOLDER)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["manifests", *(str(each) for each in arguments)])


def told(tmp_path: Path, text: str) -> str:
    """The sentences about a file of which nothing may be rendered."""
    path = tmp_path / "values.yaml"
    path.write_text(text, encoding="utf-8")
    result = call("--values", path)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


BAD = {
    "overlay: gpus": "overlay: expected one of gpu, gpu-mig, knative, local-cpu, found 'gpus'. "
    "Did you mean 'gpu'?",
    "overlay: gpu\n1: 2": "line 2, 1: expected a key that is text, found 1",
    "overlay: gpu\nreplicas: {ocr: 1e3}": "replicas.ocr: expected a number of pods, or min and max",
    f"overlay: gpu\nreplicas: {{ocr: {'9' * 30}}}": "a number of pods, or min and max, found '9999",
    "overlay: gpu\nreplicas: {ocr: [1]}": "a number of pods, or min and max, found a list of 1",
    "base: &b {overlay: gpu}\n<<: *b": "line 2: expected keys and values, found the merge key",
    "- overlay: gpu": "expected keys and values, found a list",
    "overlay: gpu\nnamespace: ü": "a DNS label",
    "overlay: ../gpu": "overlay: expected one of gpu, gpu-mig, knative, local-cpu, found '../gpu'",
    "overlay: gpu\nnamspace: a": "line 2, namspace: expected one of overlay, namespace, services",
    "overlay: gpu\nnamespace: Team_A": "namespace: expected a DNS label: at most 63 of a-z, 0-9 "
    "and '-', and no '-' at an end, found 'Team_A'. Write one as team-a.",
    "overlay: gpu\nnamespace: -a": "a DNS label",
    f"overlay: gpu\nnamespace: {'a' * 64}": "a DNS label",
    'overlay: gpu\nnamespace: "a\\n"': "a DNS label",
    "overlay: gpu\ncomponents: [kda]": "components.0: expected one of ",
    "overlay: gpu\ncomponents: [spread, spread]": "each name once, found 'spread' twice",
    "overlay: gpu\ncomponents: [keda]": "components.0: expected 'keda' with 'monitoring', found it "
    "alone: its PodMonitor brings the metrics that KEDA asks for. Add monitoring, or leave keda ",
    "overlay: gpu\ncomponents: [model-cache]": "expected 'model-cache' with 'object-store'",
    "overlay: gpu\nservices: [decoder-vllm]\ncomponents: [verify]": "components.0: expected a "
    "service of the model repository for 'verify', found decoder-vllm alone. Leave verify out",
    "overlay: gpu\ncomponents: [monitoring, keda, canary]": "components.2: expected 'keda' "
    "without 'canary', found both: KServe makes a ScaledObject for the canary too",
    "overlay: knative\ncomponents: [verify]": "components.0: expected 'verify' on 'gpu' or "
    "'gpu-mig' or 'local-cpu' alone, found it on 'knative': ",
    "overlay: gpu-mig\ncomponents: [mig]": "expected 'mig' on 'gpu' alone, found it on 'gpu-mig'",
    "overlay: gpu\nservices: [decoder-trtllm-multi-node]\ncomponents: [restricted]": "services.0: "
    "expected 'restricted' without 'decoder-trtllm-multi-node', found both: ",
    "overlay: gpu\nservices: [ocrr]": "services.0: expected one of asr, ",
    "overlay: gpu\nservices: []": "services: expected at least 1 of them, found a list of 0",
    "overlay: local-cpu\nservices: [decoder-vllm]": "services.0: expected services without a GPU "
    "on the overlay 'local-cpu', found 'decoder-vllm'",
    "overlay: gpu\nimages: {triton: a}": "images.triton: expected one of ",
    "overlay: gpu\nimages: {triton-multimodal-kit: A B}": "expected an image, found 'A B'",
    "overlay: gpu\npullSecret: a_b": "pullSecret: expected a DNS name",
    "overlay: gpu\npullSecret: a..b": "pullSecret: expected a DNS name",
    f"overlay: gpu\npullSecret: {'a' * 254}": "pullSecret: expected a DNS name",
    "overlay: gpu\ngateway: {domain: a.-b}": "gateway.domain: expected a DNS name",
    f"overlay: gpu\ngateway: {{domain: {'a.' * 100}b}}": "a DNS name of at most 200 char",
    "overlay: gpu\ngateway: {name: a/b..c, domain: d}": "gateway.name: expected a namespace and",
    "overlay: gpu\nmirror: https://a": "mirror: expected a registry",
    "overlay: gpu\ngateway: {name: a/b}": "gateway.domain: expected a value, found none",
    "overlay: gpu\ngateway: {name: a, domain: b}": "gateway.name: expected a namespace and a name",
    "overlay: knative\npriorityClass: a": "line 2, priorityClass: expected 'priority' on 'gpu' or",
    "overlay: gpu\ncomponents: [mig]\ndeviceClass: a": "line 3, deviceClass: expected 'mig' "
    "without 'dra', found both: ",
    "overlay: gpu\nrepository: {bucket: 'gs://models/x'}": "repository.bucket: expected a bucket "
    "that a storage container of the bundle covers, s3://bucket/prefix, found 'gs://models/x'",
    "overlay: gpu\nrepository: {bucket: 's3://models'}": "expected s3://bucket/prefix, without '/'",
    "overlay: gpu\nrepository: {bucket: 's3://models/x/'}": "expected s3://bucket/prefix, without",
    "overlay: gpu\nrepository: {bucket: 's3://models/../x'}": "expected s3://bucket/prefix",
    "overlay: gpu\nrepository: {bucket: 's3://mo dels/x'}": "expected s3://bucket/prefix",
    "overlay: gpu\nrepository: {bucket: 's3://models/x', claim: a}": "repository.claim: expected a "
    "claim or a bucket, found both",
    "overlay: gpu\ncomponents: [object-store]\nrepository: {claim: a}": "repository.claim: "
    "expected a claim or a bucket, found it with the component object-store",
    "overlay: gpu\nrepository: {folder: ../x}": "repository.folder: expected a folder",
    "overlay: gpu\nrepository: {size: 50G}": "repository.size: expected an amount as 50Gi",
    "overlay: gpu\nrepository: {accessMode: Many}": "repository.accessMode: expected ",
    "overlay: gpu\nrepository: {existing: true, size: 5Gi}": "repository.size: expected it of a "
    "claim that is made, found it of one that exists",
    "overlay: gpu\nservices: [ocr]\ncheckpoint: {claim: a}": "checkpoint: expected a service that "
    "reads it, found none",
    "overlay: gpu\nrepository: {claim: a}\ncheckpoint: {claim: a}": "checkpoint.claim: expected "
    "claims of two names, found 'a' twice",
    "overlay: gpu-mig\ngpu: {type: h100, slice: 1g.10gb}": "gpu.type: expected one of ",
    "overlay: gpu-mig\ngpu: {type: h200-141gb, slice: 1g.10gb}": "gpu.slice: expected a slice of "
    "h200-141gb: 1g.18gb, 1g.35gb, 2g.35gb, 3g.71gb, 4g.71gb, 7g.141gb, found '1g.10gb'",
    "overlay: gpu-mig\ngpu: {type: h200-141gb}": "gpu.slice: expected a value, found none",
    "overlay: gpu\ngpu: {type: h100-80gb, slice: 1g.10gb}": "gpu: expected a slice with the "
    "overlay gpu-mig, or with the component mig, found neither",
    "overlay: gpu\nreplicas: {asr: 2}": "replicas.asr: expected one of multimodal, ocr, decoder-",
    "overlay: gpu\nreplicas: {ocr: 0}": "replicas.ocr: expected at least 1 where requests start",
    "overlay: gpu\nreplicas: {ocr: {min: 1, max: 2}}": "expected one number where nothing scales",
    "overlay: gpu\ncomponents: [monitoring, keda]\nreplicas: {ocr: 5}": "expected min and max, "
    "between which keda scales, found 5 alone",
    "overlay: gpu\ncomponents: [monitoring, keda]\nreplicas: {ocr: {min: 5, max: 2}}": "a min of "
    "at most max",
    "overlay: gpu\ncomponents: [canary]\nreplicas: {multimodal: 1}": "at least 2 with the "
    "component canary",
    f"overlay: gpu\ncomponents: [{'keda, ' * 5000}]": "components: expected at most 100 of them",
    "": "expected keys and values, found nothing. Write overlay, namespace, services",
    "overlay: gpu\noverlay: gpu": "overlay: expected each key once",
    "overlay: !!python/name:os.system gpu": "YAML without tags",
}


@pytest.mark.sampled(16)
@pytest.mark.parametrize("text", BAD, ids=lambda text: text.replace("\n", "; ")[:70])
def test_a_mistake_is_one_sentence_and_renders_nothing(tmp_path: Path, text: str) -> None:
    said = told(tmp_path, text)
    assert BAD[text] in said
    assert said.startswith("error [values] values.yaml") and len(said.splitlines()) == 1


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Of form, of names, and of what excludes what, also beside keys that are of no form."""
    said = told(
        tmp_path,
        "overlay: gpu\nnamespace: Team_A\ncomponnts: [keda]\n"
        "services: [multimodal, ocrr]\ncomponents: [monitoring, keda, canary]\n"
        'images: {triton: "a:1", vllm/vllm-openai: "A B"}\n'
        "gpu: {type: h200-141gb, slice: 1g.10gb}\nreplicas: {asr: 2, multimodal: {min: many}}\n",
    )
    for at, place in enumerate(
        (
            "line 2, namespace",
            "line 3, componnts",
            "line 4, services.1",
            "line 5, components.2",
            "line 6, images.triton",
            "line 6, images.vllm/vllm-openai",
            "line 7, gpu",
            "line 7, gpu.slice",
            "line 8, replicas.asr",
            "line 8, replicas.multimodal.min",
        )
    ):
        assert f"values.yaml, {place}: " in said.splitlines()[at]
    assert "Did you mean 'components'?" in said


def test_what_is_accepted_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(
        "overlay: gpu\npullSecret: registry\ncomponents: [monitoring, keda]\n"
        "replicas: {multimodal: {min: 2, max: 6}, decoder-trtllm: 2}\n"
    )
    values = load_values(path, PARTS)
    assert values.namespace == "multimodal"
    assert values.pull_secret == "registry"
    assert values.replicas["multimodal"].max == 6
    assert values.replicas["decoder-trtllm"].min == 2


def test_every_slice_is_named_as_the_operator_names_it() -> None:
    for slices in SLICES.values():
        assert all(
            each[0] in "12347" and each[1:3] == "g." and each[-2:] == "gb" for each in slices
        )
        assert slices == tuple(dict.fromkeys(slices))


def test_the_schema_that_editors_read_is_that_of_the_model() -> None:
    assert (FOLDER / NAME).read_text(encoding="utf-8") == schema_text(PARTS), (
        "write it again: python -m builders manifests --schema --out kserve/values.schema.json"
    )


@cache
def validator() -> jsonschema.Draft7Validator:
    schema = json.loads(schema_text(PARTS))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def schema_says(document: Any) -> bool:
    return validator().is_valid(document)


FORM = [
    "overlay: gpus",
    "overlay: gpu\nnamspace: a",
    "overlay: gpu\nnamespace: Team_A",
    "overlay: gpu\ncomponents: [kda]",
    "overlay: gpu\ncomponents: [keda, keda]",
    "overlay: gpu\nservices: [ocrr]",
    "overlay: gpu\nservices: []",
    "overlay: gpu\nimages: {triton: a}",
    "overlay: gpu\nimages: {triton-multimodal-kit: A B}",
    "overlay: gpu\npullSecret: a_b",
    "overlay: gpu\nrepository: {size: 50G}",
    "overlay: gpu\nrepository: {accessMode: Many}",
    "overlay: gpu\ngateway: {name: a/b}",
    "overlay: gpu-mig\ngpu: {type: h100, slice: 1g.10gb}",
    "overlay: gpu-mig\ngpu: {type: h200-141gb}",
    "overlay: gpu\nreplicas: {ocr: -1}",
]


@pytest.mark.parametrize("text", FORM, ids=lambda text: text.replace("\n", "; ")[:70])
def test_an_editor_marks_what_is_of_no_form(text: str) -> None:
    assert not schema_says(yaml.safe_load(text))


def test_an_editor_takes_what_is_accepted() -> None:
    for path in sorted((FOLDER / "values").glob("*.yaml")):
        assert schema_says(yaml.safe_load(path.read_text()))
        assert path.read_text().startswith("# yaml-language-server: $schema=../values.schema.json")
    assert schema_says(yaml.safe_load("{overlay: gpu, replicas: {ocr: 2, asr: {min: 1, max: 2}}}"))


def test_every_key_of_the_schema_says_what_it_is_for() -> None:
    schema = json.loads(schema_text(PARTS))
    objects = [schema, *schema["definitions"].values()]
    keys = {name: each for one in objects for name, each in one["properties"].items()}
    assert {"overlay", "pullSecret", "slice", "max"} <= keys.keys()
    assert [name for name, each in keys.items() if not each.get("description")] == []


def test_an_overlay_of_ones_own_is_not_built_on(tmp_path: Path) -> None:
    """What excludes what is known of the shipped ones alone."""
    bundle, values = tmp_path / "kserve", tmp_path / "values.yaml"
    shutil.copytree(FOLDER, bundle)
    values.write_text("overlay: gpu\nservices: [asr]\n", encoding="utf-8")
    mine = bundle / "overlays" / "mine"
    assert call("--kserve", bundle, "--values", values, "--overlay", mine).exit_code == 0
    assert schema_text(Parts.at(bundle)) == schema_text(PARTS)
    values.write_text("overlay: mine\n", encoding="utf-8")
    result = call("--kserve", bundle, "--values", values)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected one of gpu, gpu-mig, knative, local-cpu, found 'mine'" in result.stderr


def test_a_folder_without_a_bundle_is_told(tmp_path: Path) -> None:
    result = call("--schema", "--kserve", tmp_path)
    assert result.exit_code == 1
    assert "expected the folder kserve/ of a checkout" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected --values FILE, with one of --out, --overlay and --push at most"),
        (("--values", "nowhere.yaml"), "nowhere.yaml"),
        (("--values", "/dev/zero"), "expected a file, found a device"),
        (("--values", "a", "--overlay", "b", "--push", "oci:c/d:1"), "at most"),
        (("--schema", "--values", "a"), "or --schema"),
        (("--schema", "--push", "oci:c/d:1"), "or --schema"),
    ],
)
def test_wrong_usage_is_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_values_errors_carry_findings() -> None:
    with pytest.raises(ValuesError) as caught:
        load_values(Path("nowhere.yaml"), PARTS)
    assert len(caught.value.findings) == 1
    assert isinstance(Values(overlay="gpu"), Values)
