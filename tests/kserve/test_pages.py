"""Commands, options, files, versions, tables and examples of docs/deploy are real."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from builders.bundle.rendered import rules
from builders.kit.graph import GivenModel
from builders.kit.recipe.profile import load_profile, profiles
from builders.kit.recipe.recipe import make_recipe
from repository.manifest import VERSION
from tests.docs.pages import BLOCK, DEPLOY
from tests.kserve import render
from tests.kserve.cluster.controller import SOURCE, Cluster
from tests.kserve.cluster.pod_security import refusals
from tests.kserve.cluster.webhooks.bundle import MODE
from tests.kserve.monitoring import queries
from tests.kserve.overlays import bundles
from tests.kserve.overlays.test_contracts import PROFILES, triton_release
from tests.kserve.overlays.test_images import images
from tests.kserve.schemas import schemas
from tests.kserve.schemas.crds import ROOT

Object = dict[str, Any]

BLOCKS = BLOCK.findall(DEPLOY)
INLINE = re.findall(r"`([^`\n]+)`", BLOCK.sub("", DEPLOY))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OWN = "mine"
"""The overlay that a reader makes."""

VERSIONS = {
    "cert-manager/cert-manager": "cert-manager",
    "kserve/charts": "KServe",
    "envoyproxy/gateway-helm": "Envoy Gateway",
    "knative/serving": "Knative Serving",
    "knative-extensions/net-kourier": "Knative Serving",
    "helm.ngc.nvidia.com/nvidia": "NVIDIA GPU operator",
    "prometheus-community": "kube-prometheus-stack",
}
"""What a command fetches from -> the row of the table that has its version."""


def commands() -> Iterator[list[str]]:
    """The words of each line of the shell blocks, with what a line is continued by."""
    for language, block in BLOCKS:
        if language != "sh":
            continue
        text = re.sub(r"<<'END'\n.*?^END$", "", block, flags=re.M | re.S).replace("\\\n", " ")
        for line in text.splitlines():
            for part in line.split(" && "):
                yield shlex.split(part, comments=True)


def after(tool: str) -> list[list[str]]:
    """The arguments of every command that starts with these words, and those in the text."""
    words = tool.split()
    given = [*commands(), *(shlex.split(each) for each in INLINE if each.count("'") % 2 == 0)]
    found = []
    for each in given:
        for at in range(len(each)):
            if [*each[at : at + len(words)]] == words:
                found.append(each[at + len(words) :])
    return found


def table(*headings: str) -> dict[str, list[str]]:
    """The rows of the table with these headings: the first cell -> the others."""
    line = re.escape(f"| {' | '.join(headings)} |".replace("|  |", "| |"))
    (rows,) = re.findall(rf"^{line}\n\|[-|]+\n((?:\|.*\n)+)", DEPLOY, re.MULTILINE)
    cells = [
        re.split(r" \| ?", row.removeprefix("| ").removesuffix(" |")) for row in rows.splitlines()
    ]
    return {row[0].strip("`"): row[1:] for row in cells}


def versions() -> dict[str, str]:
    """The table of what this is written for: the project -> its versions."""
    return {name: cells[0] for name, cells in table("", "version", "").items()}


def test_make_targets_and_their_variables_exist() -> None:
    asked = after("make")
    assert {each[0] for each in asked} >= {"build-repo", "render", "deploy"}
    known = {
        "OVERLAY": {*(Path(each).name for each in bundles.OVERLAYS), OWN, "…"},
        "PROFILE": {*profiles()},
    }
    for target, *variables in asked:
        assert target in TARGETS
        for each in variables:
            name, _, value = each.partition("=")
            assert name in ("OVERLAY", "PROFILE", "OUT", "URL"), each
            assert value in known.get(name, {value}), each


def test_every_overlay_is_deployed_somewhere() -> None:
    names = {Path(each).name for each in bundles.OVERLAYS}
    deployed = {word.removeprefix("OVERLAY=") for each in after("make deploy") for word in each}
    assert deployed >= names
    assert set(table("overlay", "what it serves", "needs")) == names


def test_files_and_folders_exist() -> None:
    named = {
        each for each in INLINE if re.match(r"(kserve|runtime|builders|clients)/[\w./-]+$", each)
    }
    for words in commands():
        for each in words:
            if re.match(r"(kserve|runtime|builders|clients)(/[\w.-]+)*$", each):
                named.add(each)
    assert len(named) >= 6
    for each in named - {*values().values()}:
        assert (ROOT / each).exists() or f"/{OWN}/" in f"{each}/", each


def values() -> dict[str, str]:
    """The values that an overlay may set -> their defaults."""
    text = (render.KSERVE / "base/values/configmap.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["data"])


def test_the_table_of_values_lists_what_there_is_and_what_reads_it() -> None:
    rows = table("value", "default", "what reads it")
    assert {name: cells[0].strip("`") for name, cells in rows.items()} == values()
    for name, (_, readers) in rows.items():
        read = {
            each
            for each in bundles.COMPONENTS
            if f"fieldPath: data.{name}\n"
            in (render.KSERVE / f"components/{each}/kustomization.yaml").read_text(encoding="utf-8")
        }
        assert read == set(re.findall(r"`([\w-]+)`", readers.partition(":")[0])), name
        for each in read:
            assert f"`{name}`" in table("component", "what it does", "needs, and limits")[each][1]


def test_images_are_tagged_as_the_overlays_have_them() -> None:
    text = "\n".join(block for language, block in BLOCKS if language == "sh")
    tags = set(re.findall(r"triton-multimodal-kit:([\d.]+)", text))
    releases = set(re.findall(r"TRITON_RELEASE=([\d.]+)", text))
    assert tags == releases == {load_profile(each).triton for each in PROFILES.values()}
    stated = versions()["Triton"]
    for overlay, profile in PROFILES.items():
        (part,) = (
            each
            for each in re.findall(r"[\d.]+ \([^)]*\)", stated)
            if f"`{Path(overlay).name}`" in each
        )
        assert part.startswith(load_profile(profile).triton)
    verify = set(re.findall(r"triton-multimodal-kit-verify:([\w.]+)", text))
    objects = render.shipped("overlays/gpu", components=("verify",))
    used = re.findall(r"triton-multimodal-kit-verify:([\w.]+)", json.dumps(objects))
    assert verify == set(used) == {VERSION}
    assert triton_release(f"a:{max(tags)}") in tags


def stated(project: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The least and the greatest version that the table states for a row."""
    numbers = [
        tuple(map(int, each.split(".")))
        for each in re.findall(r"\d+(?:\.\d+)+", versions()[project])
    ]
    return numbers[0], numbers[-1]


def test_what_is_fetched_is_of_the_versions_that_the_table_states() -> None:
    fetched = []
    for words in commands():
        text = " ".join(words)
        for source, project in VERSIONS.items():
            if source in text and ("https://" in text or "oci://" in text):
                found = re.search(r"(?:--version v?|/(?:knative-)?v)(\d+(?:\.\d+)+)", text)
                assert found, text
                least, greatest = stated(project)
                version = tuple(map(int, found[1].split(".")))
                assert least[: len(version)] <= version, (project, text)
                assert version[: len(greatest)] <= greatest, (project, text)
                fetched.append(project)
                break
        else:
            unknown = re.search(r"(?:https|oci)://(?!127)[\w./-]+", text)
            assert not unknown or "example" in unknown[0], f"{text}: add its version to the table"
    assert set(fetched) == set(VERSIONS.values())


def test_versions_are_those_that_the_manifests_are_held_to() -> None:
    lock = yaml.safe_load((render.KSERVE / "crds.lock.yaml").read_text(encoding="utf-8"))
    pinned = lock["projects"]
    assert versions()["KServe"] == pinned["kserve"]["version"].removeprefix("v")
    assert versions()["Kubernetes"] == schemas.KUBERNETES
    for name, project in (("keda", "KEDA"), ("opentelemetry-operator", "OpenTelemetry operator")):
        version = tuple(map(int, pinned[name]["version"].removeprefix("v").split(".")))
        greatest = stated(project)[1]
        assert version[: len(greatest)] == greatest, project


def test_the_tables_list_what_there_is() -> None:
    assert set(table("component", "what it does", "needs, and limits")) == set(bundles.COMPONENTS)
    bases = {Path(each).name for each in bundles.BASES if "/decoder-" in each}
    assert set(table("base", "engine", "how")) == bases
    explained = table("alert", "what it means", "what to do")
    assert list(explained) == list(queries.alerts()), "in the order of the rules"


def test_the_table_of_components_says_what_excludes_what() -> None:
    """In the words of ``kserve/exclusions.yaml``, on both sides."""
    modes = {bundles.STANDARD: "Standard", bundles.KNATIVE: "overlay `knative`"}
    for name, (_, limits) in table("component", "what it does", "needs, and limits").items():
        _, _, excluded = limits.partition("Not with ")
        needed = bundles.NEEDS.get(name)
        assert needed is None or f"`{needed}`" in limits.partition("Not with ")[0], name
        others = {each for pair in bundles.EXCLUSIVE if name in pair for each in pair - {name}}
        assert set(re.findall(r"`([\w-]+)`", excluded)) == others, name
        only = bundles.HOSTS.get(name)
        for overlays, words in {**modes, bundles.GPU: "overlay `gpu`"}.items():
            stated = bool(re.search(rf"(^|; ){words}(?=$|[;.])", limits.replace(" | ", "")))
            assert stated == (only == overlays), (name, words)


def test_the_table_of_exclusions_names_what_there_is() -> None:
    services = {Path(each).name for each in bundles.BASES if each.startswith("base/services/")}
    assert set(bundles.HOSTS) <= set(bundles.COMPONENTS)
    assert {each for overlays in bundles.HOSTS.values() for each in overlays} <= {*bundles.OVERLAYS}
    assert {each for pair in bundles.EXCLUSIVE for each in pair} <= {*bundles.COMPONENTS} | services
    only, never = bundles.EXCLUSIONS["only"].values(), bundles.EXCLUSIONS["never"]
    assert all(each["why"] for each in (*only, *never))


def test_the_policies_that_are_explained_are_there() -> None:
    objects = render.shipped("overlays/gpu", components=("network-policies",))
    policies = {
        each["metadata"]["name"]: each for each in objects if each["kind"] == "NetworkPolicy"
    }
    fence = DEPLOY.partition("## Network policies")[2].partition("\n## ")[0]
    for rows in re.findall(r"^\| \w+ \| (?:from|to) (.*)\|$", fence, re.MULTILINE):
        places, _, remedy = rows.partition(" | ")
        (name,) = [each for each in re.findall(r"`([\w-]+)`", remedy) if each in policies]
        text = json.dumps(policies[name])
        for place in re.findall(r"`([\w-]+)`", places):
            assert f'"{place}"' in text, (name, place)
    assert "ipBlock" in json.dumps(policies["to-object-store"])


def yaml_blocks() -> dict[str, str]:
    """The YAML examples by their first line."""
    return {block.partition("\n")[0]: block for language, block in BLOCKS if language == "yaml"}


def own_overlay(
    folder: Path, patches: str = "", components: tuple[str, ...] = (), **more: object
) -> list[Object]:
    """The pages' overlay of a reader's own, rendered, with patches, components and fields."""
    (example,) = (block for block in yaml_blocks().values() if "kind: Kustomization" in block)
    overlay: Object = yaml.safe_load(example)
    overlay["images"][0]["digest"] = "sha256:" + "0" * 64
    overlay["components"] = [
        *overlay["components"],
        *(f"../../components/{each}" for each in components),
    ]
    overlay |= more
    overlay["patches"] += yaml.safe_load(patches)["patches"] if patches else []
    where = render.KSERVE / "overlays" / OWN
    for key in ("resources", "components", "transformers"):
        overlay[key] = [
            os.path.relpath(where / each, folder.resolve()) if each.startswith("..") else each
            for each in overlay[key]
        ]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    patch = [{"op": "test", "path": "/spec/containers/0/name", "value": "kserve-container"}]
    (folder / "resources.yaml").write_text(yaml.safe_dump(patch), encoding="utf-8")
    return render.render(folder.resolve())


def test_the_examples_of_an_overlay_render_and_do_what_they_say(tmp_path: Path) -> None:
    examples = [block for first, block in yaml_blocks().items() if first.startswith("# after the")]
    assert len(examples) == 3
    every = yaml.safe_dump(
        {"patches": [each for text in examples for each in yaml.safe_load(text)["patches"]]}
    )
    objects = own_overlay(tmp_path, every, ("network-policies", "spread"))
    text = json.dumps(objects)
    assert "registry.example/triton-multimodal-kit@sha256:000" in text
    assert "prometheus-operated" not in text
    assert text.count("https://prometheus.example") == 4
    (policy,) = (each for each in objects if each["metadata"]["name"] == "to-object-store")
    assert policy["spec"]["egress"][-1]["to"] == [{"ipBlock": {"cidr": "10.20.30.40/32"}}]
    assert text.count("DoNotSchedule") == 1


def test_the_example_of_an_overlay_holds_in_another_namespace(tmp_path: Path) -> None:
    images = [{"name": "triton-multimodal-kit-verify", "newName": "r.example/verify"}]
    objects = own_overlay(
        tmp_path, "", ("verify", "object-store"), namespace="team-a", images=images
    )
    assert rules.breaches(objects) == {}
    text = json.dumps(objects)
    assert 'namespace=\\"team-a\\"' in text and 'namespace=\\"multimodal\\"' not in text
    assert text.count('"r.example/verify:') == 2, "each storage container"


def test_the_example_of_another_bucket_names_it_in_both_places(tmp_path: Path) -> None:
    first = "# another bucket, in kserve/overlays/mine/kustomization.yaml"
    patches = yaml.safe_load(yaml_blocks()[first])["patches"]
    for components in (("object-store",), ("verify", "object-store")):
        objects = own_overlay(tmp_path, yaml.safe_dump({"patches": patches}), components)
        assert rules.breaches(objects) == {}
        for half in patches:
            objects = own_overlay(tmp_path, yaml.safe_dump({"patches": [half]}), components)
            (sentences,) = rules.breaches(objects).values()
            assert any("models/" in each and "and not s3://" in each for each in sentences)


def test_the_example_of_a_decoders_key_reaches_triton(tmp_path: Path) -> None:
    first = "# the key of another server, in kserve/overlays/mine/kustomization.yaml"
    patches = yaml.safe_dump(yaml.safe_load(yaml_blocks()[first]))
    objects = own_overlay(tmp_path, patches)
    assert rules.breaches(objects) == {}
    (runtime,) = (each for each in objects if each["metadata"]["name"] == "triton-multimodal")
    last = runtime["spec"]["containers"][0]["env"][-1]
    assert f"api_key_env: {last['name']}" in DEPLOY
    assert f"`{last['valueFrom']['secretKeyRef']['name']}`" in DEPLOY


def test_the_example_of_a_decoder_in_triton_serves_what_its_profile_builds(tmp_path: Path) -> None:
    first = "# the decoder in Triton, in kserve/overlays/mine/kustomization.yaml"
    example = yaml.safe_load(yaml_blocks()[first])
    patches = yaml.safe_dump({"patches": example["patches"]})
    objects = own_overlay(tmp_path, patches, ("network-policies",), resources=example["resources"])
    assert rules.breaches(objects) == {}
    assert [found for each in objects for found in schemas.problems(each)] == []
    (pod,) = (each for each in Cluster(objects).pods if each.owner == "InferenceService/decoder")
    (container,) = (each for each in pod.containers if each["name"] == "kserve-container")
    (model,) = make_recipe(load_profile("trtllm")).models
    assert isinstance(model, GivenModel)
    assert container["image"] == model.image
    assert container["livenessProbe"]["httpGet"]["path"] == f"/v2/models/{model.name}/ready"
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "weights")
    arguments = model.files["model.yaml"]
    assert isinstance(arguments, bytes)
    assert Path(yaml.safe_load(arguments)["model"]).is_relative_to(mount["mountPath"])
    (volume,) = (each for each in pod.spec["volumes"] if each["name"] == "weights")
    assert volume["persistentVolumeClaim"]["claimName"] == "decoder-weights"
    served = pod.metadata["annotations"][SOURCE]
    pushed = [words[1] for words in after("tmk push") if len(words) > 1]
    assert served in [each.replace("pvc:", "pvc://") for each in pushed]


def test_without_prefixes_since_names_would_not_follow(tmp_path: Path) -> None:
    """What the pages say of ``namePrefix`` and ``nameSuffix``, and what is said at render."""
    assert "`namePrefix` and `nameSuffix` cannot" in DEPLOY
    for affix in ({"namePrefix": "a-"}, {"nameSuffix": "-a"}):
        sentences = rules.breaches(own_overlay(tmp_path, "", (), **affix))[
            "names are as they are shipped"
        ]
        assert any("triton-multimodal, and there is" in each for each in sentences), affix


def test_the_way_from_one_overlay_to_another_is_told() -> None:
    """A claim keeps its access modes, and a service its mode: both differ between overlays."""
    (row,) = (name for name in table(*SEEN) if name.startswith("from `local-cpu` to `gpu`"))
    assert "delete pvc model-repository" in table(*SEEN)[row][1]
    claims, modes = [], []
    for overlay in ("local-cpu", "gpu", "knative"):
        objects = {
            (each["kind"], each["metadata"]["name"]): each
            for each in render.shipped(f"overlays/{overlay}")
        }
        claims.append(objects["PersistentVolumeClaim", "model-repository"]["spec"]["accessModes"])
        modes.append(objects["InferenceService", "multimodal"]["metadata"]["annotations"][MODE])
    assert claims[0] != claims[1] and modes[0] != modes[2]


SEEN = ("what is seen", "why", "what to do")


def test_kserve_is_installed_without_istio() -> None:
    """Or each service has the warning VirtualServiceCRDNotFound."""
    installed = [
        each for each in commands() if each[0] == "helm" and "kserve/charts/kserve-res" in str(each)
    ]
    assert len(installed) == 3
    for each in installed:
        assert "kserve.controller.gateway.disableIstioVirtualHost=true" in each


def test_the_example_of_values_sets_each_of_them(tmp_path: Path) -> None:
    example = yaml.safe_load(yaml_blocks()["# values, in kserve/overlays/mine/kustomization.yaml"])
    (generator,) = example["configMapGenerator"]
    assert dict(each.split("=", 1) for each in generator["literals"]) == values()
    mine = {
        "pullSecret": "secret-of-mine",
        "priorityClass": "class-of-mine",
        "gateway": "namespace-of-mine/gateway-of-mine",
        "domain": "domain.of.mine",
        "deviceClass": "device.of.mine",
    }
    assert mine.keys() == values().keys()
    generator["literals"] = [f"{name}={value}" for name, value in mine.items()]
    components = ("pull-secret", "priority", "routes", "dra")
    objects = own_overlay(tmp_path, "", components, **example)
    assert not [each for each in objects if each["metadata"]["name"] == "values"]
    text = json.dumps(objects)
    for name, value in mine.items():
        for part in value.split("/"):
            assert part in text, name
        assert f'"{values()[name]}"' not in text, name
        assert f'"{name}"' not in text, "what a component writes until the value is there"
    hosts = [each["spec"]["hostnames"] for each in objects if each["kind"] == "HTTPRoute"]
    assert ["multimodal.domain.of.mine"] in hosts


def test_the_example_of_a_mirror_reaches_every_image(tmp_path: Path) -> None:
    first = "# every image from a mirror, in kserve/overlays/mine/kustomization.yaml"
    example = yaml.safe_load(yaml_blocks()[first])
    (source,) = (each[0] for each in after("cp") if each[0].endswith("prefix.yaml"))
    (name,) = example["transformers"]
    transformer = yaml.safe_load((ROOT / source).read_text(encoding="utf-8"))
    (tmp_path / name).write_text(
        yaml.safe_dump({**transformer, "prefix": "mirror.of.mine/a/"}), encoding="utf-8"
    )
    components = tuple(Path(each).name for each in example["components"])
    assert components == ("pull-secret",)
    more = ("verify", "object-store", "restricted", "tracing", *components)
    found = set(images(own_overlay(tmp_path, "", more, transformers=[name])))
    assert all(each.startswith("mirror.of.mine/a/") for each in found), found
    assert "mirror.of.mine/a/registry.example/triton-multimodal-kit@sha256:" + "0" * 64 in found
    assert len(found) > 3


def test_a_mirror_reaches_every_image_of_every_base() -> None:
    mirrored = render.composed(bundles.BASES, transformers=["transformers/mirror"])
    before = render.shipped(*bundles.BASES)
    assert [*images(before)]
    for one, other in zip(before, mirrored, strict=True):
        assert [*images(other)] == [f"registry.example/mirror/{each}" for each in images(one)]


def test_objects_in_the_commands_are_valid() -> None:
    """What ``kubectl apply -f -`` gets; a GatewayClass has no schema here."""
    given = [
        yaml.safe_load(text)
        for _, block in BLOCKS
        for text in re.findall(r"<<'END'\n(.*?)^END$", block, re.M | re.S)
    ]
    kinds = {each["kind"] for each in given}
    assert kinds == {"GatewayClass", "Pod"}
    for each in given:
        if each["kind"] == "Pod":
            assert schemas.problems(each) == []
            assert list(refusals(each["spec"])) == [], "also where `restricted` is enforced"
            claims = {
                volume["persistentVolumeClaim"]["claimName"] for volume in each["spec"]["volumes"]
            }
            assert claims <= {
                one["metadata"]["name"]
                for one in render.shipped("overlays/gpu")
                if one["kind"] == "PersistentVolumeClaim"
            }


def test_the_graphs_request_is_one_that_its_services_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = (block for language, block in BLOCKS if language == "python")
    page = (ROOT / "clients" / "examples" / "page.png").read_bytes()
    target = tmp_path / "request.json"
    exec(code.replace('"request.json"', repr(str(target))), {})
    request = json.loads(target.read_text(encoding="utf-8"))
    config = (ROOT / "model_repository" / "ocr" / "config.pbtxt").read_text(encoding="utf-8")
    (tensor,) = request["inputs"]
    assert tensor["shape"] == [len(tensor["data"])] == [len(page)]
    wanted = rf'name: "{tensor["name"]}"\s+data_type: TYPE_{tensor["datatype"]}\s'
    assert re.search(wanted, config)
    assert f'name: "{request["outputs"][0]["name"]}"' in config


@pytest.mark.parametrize(
    "headings",
    [
        ("what is seen", "why", "what to do"),
        ("", "what the user sees", "remedy"),
        ("alert", "what it means", "what to do"),
    ],
)
def test_every_row_has_a_reason_and_a_remedy(headings: tuple[str, ...]) -> None:
    for name, cells in table(*headings).items():
        assert len(cells) == 2 and all(cells), name
