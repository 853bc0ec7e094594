"""The model of TensorRT-LLM's LLM API: its config and its model.yaml, held to upstream's own."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.engines.image import IMAGE
from builders.decoder.engines.llmapi.model_yaml import document, model_yaml
from builders.decoder.engines.llmapi.pipeline import pipeline
from builders.decoder.settings.llmapi import LlmApiOptions
from builders.errors import FamilyError
from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.family import Conditions
from repository.check.check import check_repository
from repository.check.files.completed import Target
from repository.config.proto import pb
from repository.files.yaml_text import parse_yaml
from repository.release import release
from tests.builders.kit import repositories

UPSTREAM = Path(__file__).parent / "upstream"
HOSTILE = (
    "/weights/with spaces",
    "/weights/it's",
    '/weights/"quoted"',
    "/weights/$(touch pwned)",
    "/weights/`id`; rm -rf ~ #",
    "/weights/a: b - c, {d} [e] *f &g !h |i >j %k @l",
    "/weights/null/true/1e3/0x1F/~/yes/2026-01-01",
    "/weights/größe/模型/🦙",
    "/weights/back\\slash",
)


def conditions(triton: str = "26.07") -> Conditions:
    def none(uri: str) -> Path:
        raise AssertionError("no checkpoint is read")

    return Conditions(
        release=release(triton), device="gpu", checkpoint=none, place=lambda *keys: ".".join(keys)
    )


def options(**keys: Any) -> LlmApiOptions:
    return LlmApiOptions.model_validate({"model": "path:/weights/llama", **keys})


def facts(name: str) -> dict[str, Any]:
    found = json.loads((UPSTREAM / name).read_text())
    assert isinstance(found, dict)
    return found


def test_the_tensors_are_those_that_upstream_has_before_and_after_the_release() -> None:
    upstream, config = facts("llmapi.json"), model_config(pipeline(options(), conditions()))
    for ours, theirs in ((config.input, upstream["inputs"]), (config.output, upstream["outputs"])):
        found = {
            each.name: [pb.DataType.Name(each.data_type).removeprefix("TYPE_"), list(each.dims)]
            for each in ours
        }
        assert found == theirs
    assert [each.name for each in config.input if not each.optional] == upstream["required"]
    assert not {each.name for each in config.input} & upstream["inputs of the later alone"].keys()
    (group,) = config.instance_group
    kind = pb.ModelInstanceGroup.Kind.Name(group.kind)
    assert {"count": group.count, "kind": kind} == upstream["instance_group"]
    assert config.backend == upstream["backend"]


ANNOTATIONS: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "str": str,
    "float": float,
    "Optional[int]": int,
    "Optional[float]": float,
    "Optional[str]": str,
    "KvCacheConfig": dict,
    "Union[str, pathlib.Path]": str,
    "Union[str, pathlib.Path, PreTrainedTokenizerBase, TokenizerBase, NoneType]": str,
}
WHOLE: dict[str, Any] = {
    "model": "hub:org/llama@" + "0123456789" * 4,
    "tokenizer": "path:/weights/tokenizer",
    "max_sequence": 4096,
    "max_batch": 64,
}


def test_every_argument_is_one_of_upstreams_and_of_its_type() -> None:
    upstream, written = facts("llm_args.json"), document(options(**WHOLE))
    triton = written.pop("triton_config")
    assert triton.keys() <= set(upstream["triton_config"]["keys"])
    known = {**upstream["LLM"]["arguments"], **upstream["also"]["arguments"]}
    cache = written["kv_cache_config"]
    for arguments, types in (
        (written, known),
        (cache, upstream["KvCacheConfig"]["arguments"]),
    ):
        assert arguments.keys() <= types.keys()
        for name, value in arguments.items():
            wanted = ANNOTATIONS[types[name]]
            assert type(value) is wanted, f"{name}: {types[name]}, found {value!r}"
    offered = LlmApiOptions.model_json_schema()["properties"]["kv_cache_dtype"]["enum"]
    assert set(offered) == set(upstream["KvCacheConfig.dtype"]["choices"])


def test_the_config_and_model_yaml_say_the_same_of_batching_and_of_streams() -> None:
    model = pipeline(options(), conditions())
    config, triton = model_config(model), document(options())["triton_config"]
    assert config.max_batch_size == triton["max_batch_size"] == 0
    assert config.model_transaction_policy.decoupled is triton["decoupled"] is True


def test_a_hub_checkpoint_is_pinned_and_code_of_it_never_runs() -> None:
    written = document(options(model="hub:org/llama@" + "ab" * 20))
    assert (written["model"], written["revision"]) == ("org/llama", "ab" * 20)
    assert written["trust_remote_code"] is False
    assert "revision" not in document(options())


@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_paths_come_back_as_they_are(path: str) -> None:
    text = model_yaml(options(model=f"path:{path}", tokenizer=f"path:{path}"))
    found = yaml.safe_load(text)
    assert found["model"] == found["tokenizer"] == path
    assert found.keys() == document(options(tokenizer="path:/x")).keys()


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40)


@given(
    st.fixed_dictionaries(
        {"model": NAMES.map(lambda name: f"path:/{name}".rstrip())},
        optional={
            "dtype": st.sampled_from(["auto", "float16", "bfloat16"]),
            "tensor_parallel": st.integers(1, 64),
            "pipeline_parallel": st.integers(1, 64),
            "kv_cache_fraction": st.floats(0, 1, exclude_min=True, exclude_max=True),
            "kv_cache_dtype": st.sampled_from(["auto", "fp8", "nvfp4"]),
            "kv_cache_reuse": st.booleans(),
            "max_sequence": st.integers(1, 8192),
            "max_batch": st.integers(1, 8192),
            "max_step_tokens": st.integers(8192, 2**31 - 1),
            "chunked_context": st.booleans(),
        },
    )
)
def test_what_is_written_reads_back_equal(keys: dict[str, Any]) -> None:
    asked = LlmApiOptions.model_validate(keys)
    text = model_yaml(asked)
    assert yaml.safe_load(text) == document(asked)
    assert parse_yaml(text, "model.yaml").value.keys() == document(asked).keys()


@pytest.mark.parametrize("target", Target)
def test_the_check_accepts_it_for_its_release(tmp_path: Path, target: Target) -> None:
    model = pipeline(options(), conditions())
    assert check_graph([model], conditions().release) == []
    repositories.write(tmp_path, [model])
    assert check_repository(tmp_path, conditions().release, target=target) == []


@pytest.mark.parametrize(
    ("triton", "told"), [("26.06", "another TensorRT-LLM"), ("26.08", "has no TensorRT-LLM")]
)
def test_another_triton_is_refused(triton: str, told: str) -> None:
    with pytest.raises(FamilyError) as problem:
        pipeline(options(), conditions(triton))
    (finding,) = problem.value.findings
    assert told in str(finding)
    assert '"26.07"' in finding.remedy


def test_no_code_of_upstream_is_in_the_repository(tmp_path: Path) -> None:
    repositories.write(tmp_path, [pipeline(options(), conditions())])
    files = {path.name for path in (tmp_path / "tensorrt_llm" / "1").iterdir()}
    assert files == {"model.py", "model.yaml"}
    code = (tmp_path / "tensorrt_llm" / "1" / "model.py").read_text()
    assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(ast.parse(code)))
    assert IMAGE in code
