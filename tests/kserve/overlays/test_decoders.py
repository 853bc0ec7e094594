"""The decoders' command lines: options that their servers know, one MPI world over the nodes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from builders.decoder.options import DecoderOptions
from builders.kit.recipe.profile import load_profile
from tests.docs.pages import DEPLOY
from tests.kserve import render
from tests.kserve.cluster.controller import Cluster
from tests.kserve.overlays import bundles

Object = dict[str, Any]

KNOWN: dict[str, frozenset[str]] = {
    "trtllm-serve": frozenset(
        (
            *("host", "port", "backend", "tp_size", "pp_size", "ep_size", "gpus_per_node"),
            *("kv_cache_free_gpu_memory_fraction", "max_batch_size", "max_num_tokens"),
            *("max_seq_len", "config", "extra_llm_api_options", "tokenizer", "log_level"),
        )
    ),
    "vllm": frozenset(
        (
            *("host", "port", "served-model-name", "gpu-memory-utilization", "max-model-len"),
            *("tensor-parallel-size", "pipeline-parallel-size"),
        )
    ),
}
"""Options of NVIDIA/TensorRT-LLM tensorrt_llm/commands/serve.py, and of ``vllm serve`` (vLLM's
docs/cli/serve), as far as these manifests may want them."""

BACKENDS = ("pytorch", "_autodeploy")
MAPPED = {"return_perf_metrics", "enable_iter_perf_stats", "kv_cache_config"}
"""Keys of TorchLlmArgs (tensorrt_llm/llmapi/llm_args.py) that the file of ``--config`` may have."""


def servers() -> Iterator[tuple[str, list[str]]]:
    """Each decoder's server and its arguments, a service's laid behind its runtime's."""
    runtimes: dict[str, list[str]] = {}
    for folder in bundles.BASES:
        for each in render.shipped(folder):
            if each["kind"] == "ServingRuntime":
                (container,) = each["spec"]["containers"]
                words = [*container.get("command", ()), *container.get("args", ())]
                runtimes[each["metadata"]["name"]] = words
    for folder in bundles.BASES:
        for each in render.shipped(folder):
            words = []
            if each["kind"] == "InferenceService":
                model = each["spec"]["predictor"]["model"]
                words = [*runtimes[model["runtime"]], *model.get("args", ())]
            elif each["kind"] == "LLMInferenceService":
                (container,) = each["spec"]["template"]["containers"]
                words = [*container.get("command", ()), *container.get("args", ())]
                words = words if words[:1] != ["bash"] else words[2].replace("\\\n", " ").split()
            for server in KNOWN:
                if server in words:
                    yield each["metadata"]["name"], words[words.index(server) :]


def unknown(words: list[str]) -> list[str]:
    flags = [each.removeprefix("--").split("=")[0] for each in words if each.startswith("--")]
    return [each for each in flags if each not in KNOWN[words[0]]]


def test_engines_know_their_arguments() -> None:
    found = dict(servers())
    assert {words[0] for words in found.values()} == KNOWN.keys()
    assert {"decoder", "decoder-trtllm-multi-gpu", "decoder-trtllm-multi-node"} <= found.keys()
    for name, words in found.items():
        assert unknown(words) == [], name
        assert words[1] == "serve"
        assert words[2] == "/mnt/models"
        assert "--host=0.0.0.0" in words
        if words[0] == "trtllm-serve":
            (backend,) = (each.partition("=")[2] for each in words if "--backend=" in each)
            assert backend in BACKENDS, name


def figures(pod: Object) -> Object:
    """Times and sizes of a decoder's pod that its users wait for or meet."""
    (container,) = pod["containers"]
    probes = ("startupProbe", "readinessProbe", "livenessProbe")
    keys = ("periodSeconds", "timeoutSeconds", "failureThreshold")
    (shared,) = (
        each["emptyDir"] for each in pod["volumes"] if "medium" in each.get("emptyDir", {})
    )
    return {
        **{name: [container[name][key] for key in keys] for name in probes},
        "shared memory": shared["sizeLimit"],
    }


def test_decoders_have_names_of_their_own_and_the_same_figures() -> None:
    """Whatever runs them on one node: half an hour to start, 8 GiB of /dev/shm."""
    found, names = {}, []
    for folder in bundles.BASES:
        for each in render.shipped(folder):
            name = each["metadata"]["name"]
            if each["kind"] == "ServingRuntime" and name in ("tensorrt-llm", "vllm"):
                found[name] = figures(each["spec"])
            elif each["kind"] == "LLMInferenceService":
                names.append(each["spec"]["model"]["name"])
                if "worker" not in each["spec"]:
                    found[name] = figures(each["spec"]["template"])
    assert len(names) == len(set(names)) == 3
    assert found.keys() == {"tensorrt-llm", "vllm", "decoder-llmisvc", "decoder-llmisvc-vllm"}
    assert all(each == found["vllm"] for each in found.values()), found


def test_an_argument_that_no_engine_knows_is_noticed() -> None:
    assert unknown(["vllm", "serve", "--hosts=a", "--port=1"]) == ["hosts"]
    assert unknown(["trtllm-serve", "serve", "--tp-size=4"]) == ["tp-size"]


def test_the_file_of_options_is_mounted_where_it_is_read() -> None:
    objects = render.shipped("base/runtimes/tensorrt-llm")
    (options,) = (each for each in objects if each["kind"] == "ConfigMap")
    (runtime,) = (each for each in objects if each["kind"] == "ServingRuntime")
    (container,) = runtime["spec"]["containers"]
    (path,) = (Path(each[9:]) for each in container["args"] if each.startswith("--config="))
    (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == str(path.parent))
    (volume,) = (each for each in runtime["spec"]["volumes"] if each["name"] == mount["name"])
    assert volume["configMap"]["name"] == options["metadata"]["name"]
    assert yaml.safe_load(options["data"][path.name]).keys() <= MAPPED


@pytest.fixture
def several() -> Object:
    (found,) = render.shipped("base/services/decoder-trtllm-multi-node")
    return dict(found["spec"])


def test_the_leader_starts_one_world_over_all_pods(several: Object, tmp_path: Path) -> None:
    """Its script for real, with an ssh that fails at first and an mpirun that shows its words."""
    for name, script in {
        "ssh": f'echo "$@" >> {tmp_path}/asked; [ $(wc -l < {tmp_path}/asked) -gt 1 ]',
        "sleep": "exit 0",
        "mpirun": 'printf "%s\\n" "$0" "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    (leader,) = several["template"]["containers"]
    options = {each["name"]: each["value"] for each in leader["env"]}
    environment = {
        **options,
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "LWS_LEADER_ADDRESS": "d-mn-0.d-mn.multimodal",
        "LWS_GROUP_SIZE": "3",
    }
    words = subprocess.run(
        [*leader["command"], *leader["args"]],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert words[0] == str(tmp_path / "mpirun"), "by its whole path, the prefix on every node"
    hosts = ["d-mn-0.d-mn.multimodal", "d-mn-0-1.d-mn.multimodal", "d-mn-0-2.d-mn.multimodal"]
    assert words[words.index("--host") + 1] == ",".join(f"{each}:8" for each in hosts)
    assert words[words.index("-np") + 1] == "24"
    assert words[words.index("plm_rsh_args") + 1] == options["SSH_OPTIONS"]
    assert "--tp_size=8" in words
    assert "--pp_size=3" in words
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [each.split()[-2] for each in asked] == [hosts[1], hosts[1], hosts[2]]


def test_leader_and_workers_meet_at_one_port_with_one_key(several: Object) -> None:
    (leader,) = several["template"]["containers"]
    (worker,) = several["worker"]["containers"]
    (options,) = (each["value"] for each in leader["env"] if each["name"] == "SSH_OPTIONS")
    port, key = options.split()[1], options.split()[3]
    listens = worker["args"][worker["args"].index("-p") + 1]
    assert port == listens == str(worker["ports"][0]["containerPort"])
    assert worker["readinessProbe"]["tcpSocket"]["port"] == int(port)
    assert f"HostKey={key}" in worker["args"]
    assert f"AuthorizedKeysFile={key.removesuffix('privatekey')}publickey" in worker["args"]
    for pod in (several["template"], several["worker"]):
        (container,) = pod["containers"]
        (mount,) = (each for each in container["volumeMounts"] if key.startswith(each["mountPath"]))
        (volume,) = (each for each in pod["volumes"] if each["name"] == mount["name"])
        # Owned by root and readable by the pod's group: ssh refuses a key of one's own that others
        # can read, and no other.
        assert volume["secret"]["defaultMode"] == 0o440
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


def remote(profile: str) -> tuple[str, str]:
    """Where the pipeline ``generate`` of a profile sends its requests, and for which model."""
    options = load_profile(profile).families["decoder"].model_extra
    found = DecoderOptions.model_validate(options).remote
    assert found is not None
    return found.url, found.model


def test_the_decoders_behind_triton_are_at_their_addresses_under_their_names() -> None:
    rows = re.findall(r"^\| `(decoder-[\w-]+)` \| `(http[^`]+)` \| `([\w-]+)` \|$", DEPLOY, re.M)
    assert {name for name, *_ in rows} == {
        Path(folder).name
        for folder in bundles.BASES
        if any(
            each["kind"] == "InferenceService"
            and each["metadata"]["labels"].get("triton-multimodal-kit/serves") == "decoder"
            for each in render.shipped(folder)
        )
    }
    for name, url, model in rows:
        cluster = Cluster(
            render.shipped(
                f"base/services/{name}", "base/runtimes/tensorrt-llm", "base/runtimes/vllm"
            )
        )
        found = re.fullmatch(r"http://([a-z-]+)/v1", url)
        service = found and cluster.named("Service", found[1], None)
        assert service, url
        (port,) = (each for each in service["spec"]["ports"] if each["port"] == 80)
        assert port["targetPort"] in (8080, "http1"), url
        (pod,) = cluster.behind(service)
        (container,) = pod.spec["containers"]
        words = " ".join([*container.get("command", ()), *container["args"]])
        named = re.search(r"--served-model-name=(\S+)", words)
        # trtllm-serve takes the folder's name.
        assert model == (named[1] if named else "models"), words
    assert (rows[0][1], rows[0][2]) == remote("gpu-chat"), "the profile names the overlays' own"


def test_the_profile_with_a_decoder_is_the_gpus_besides() -> None:
    plain, chat = load_profile("gpu"), load_profile("gpu-chat")
    assert chat.families.keys() == {*plain.families, "decoder"}
    for key in ("triton", "device", "precision", "bls", "models"):
        assert getattr(chat, key) == getattr(plain, key), key
