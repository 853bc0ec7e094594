"""TensorRT-LLM's compiled engine: the model's config and the script, held to upstream's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.checkpoint.decoder import Decoder, Images
from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.engines.legacy.commands import FILE
from builders.decoder.engines.legacy.pipeline import pipeline
from builders.decoder.settings.legacy import LegacyOptions
from builders.errors import FamilyError
from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import GivenModel, PythonModel
from repository.check.check import check_repository
from repository.config.proto import pb
from tests.builders.decoder.conftest import DEMO
from tests.builders.decoder.engines.test_llmapi import HOSTILE, conditions, facts
from tests.builders.kit import repositories

SIZES = {"slots": 4, "waiting": 8, "max_tokens": 32, "context": 512}


def options(**keys: Any) -> LegacyOptions:
    given = {"checkpoint": "path:/weights/llava", "engine": "path:/engines/llava", **keys}
    return LegacyOptions.model_validate(given)


def made(decoder: Decoder | None = None, triton: str = "26.07", **keys: Any) -> PythonModel:
    sizes = {name: keys.pop(name, size) for name, size in SIZES.items()}
    found = decoder or read_decoder(DEMO)
    return pipeline(found, options(**keys), conditions(triton), **sizes)


def engine(decoder: Decoder | None = None, **keys: Any) -> GivenModel:
    (model,) = made(decoder, **keys).calls
    assert isinstance(model, GivenModel)
    return model


def script(**keys: Any) -> bytes:
    text = engine(**keys).files[FILE]
    assert isinstance(text, bytes)
    return text


def test_the_tensors_are_upstreams_field_by_field() -> None:
    upstream, config = facts("inflight_batcher_llm.json"), model_config(engine())
    filled = {
        "${encoder_input_features_data_type}": "FP16",
        "${logits_datatype}": "FP32",
        "${prompt_embedding_table_data_type}": "FP16",
    }
    inputs = {
        each.name: {
            "dtype": _dtype(each),
            "dims": list(each.dims),
            **({"reshape": list(each.reshape.shape)} if each.HasField("reshape") else {}),
            **({} if each.optional else {"required": True}),
            **({"ragged": True} if each.allow_ragged_batch else {}),
        }
        for each in config.input
    }
    assert inputs == {
        name: {**each, "dtype": filled.get(each["dtype"], each["dtype"])}
        for name, each in upstream["inputs"].items()
    }
    outputs = {each.name: [_dtype(each), list(each.dims)] for each in config.output}
    assert outputs == {
        name: [filled.get(dtype, dtype), dims]
        for name, (dtype, dims) in upstream["outputs"].items()
    }
    (group,) = config.instance_group
    kind = pb.ModelInstanceGroup.Kind.Name(group.kind)
    assert {"count": group.count, "kind": kind} == upstream["instance_group"]


def _dtype(tensor: pb.ModelInput | pb.ModelOutput) -> str:
    return pb.DataType.Name(tensor.data_type).removeprefix("TYPE_")


def test_the_parameters_are_some_of_upstreams_and_those_that_it_needs() -> None:
    upstream, config = facts("inflight_batcher_llm.json"), model_config(engine())
    assert config.parameters.keys() <= set(upstream["parameters"])
    assert set(upstream["needed"]["parameters"]) <= config.parameters.keys()
    assert config.backend == "tensorrtllm"
    # It would read a policy without a bound as a bound of none.
    assert not config.HasField("dynamic_batching")


def test_the_parameters_say_what_the_profile_says() -> None:
    def values(**keys: Any) -> dict[str, str]:
        config = model_config(engine(**keys))
        return {name: each.string_value for name, each in config.parameters.items()}

    plain = values()
    assert plain["gpt_model_path"] == "/engines/llava"
    assert plain["kv_cache_free_gpu_mem_fraction"] == "0.9"
    assert (plain["enable_kv_cache_reuse"], plain["enable_chunked_context"]) == ("true", "false")
    changed = values(
        engine="path:/e/it's $(a) path", kv_cache_fraction=0.123456789, chunked_context=True
    )
    assert changed["gpt_model_path"] == "/e/it's $(a) path"
    assert changed["kv_cache_free_gpu_mem_fraction"] == "0.123456789"
    assert changed["enable_chunked_context"] == "true"


def test_the_check_accepts_it_for_its_release(tmp_path: Path) -> None:
    model = made(images=2)
    assert check_graph([model], conditions().release) == []
    exports = {each.name: tmp_path / each.name for each in model.exports}
    for each in model.exports:
        each.make(DEMO, exports[each.name])
    out = tmp_path / "repository"
    repositories.write(out, [model], exports)
    assert check_repository(out, conditions().release) == []


class Programs:
    """Programs that write down what they are given, in place of those of the image."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("python3", "trtllm-build"):
            path = folder / name
            path.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" > "{folder}/{name}.args"\n')
            path.chmod(0o755)

    def run(self, text: bytes) -> tuple[list[str], list[str]]:
        """What the two were given, as a script calls them."""
        subprocess.run(
            ["bash", "-s"],
            input=text,
            cwd=self.folder,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}"},
            check=True,
            timeout=60,
        )
        convert, build = (
            (self.folder / f"{name}.args").read_bytes().decode().split("\0")[:-1]
            for name in ("python3", "trtllm-build")
        )
        return convert, build


def _flags(arguments: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    name = ""
    for each in arguments:
        if each.startswith("--"):
            name = each.removeprefix("--")
            found[name] = None
        else:
            assert found[name] is None
            found[name] = each
    return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("programs"))


def test_the_script_builds_what_the_profile_says(programs: Programs) -> None:
    upstream = facts("inflight_batcher_llm.json")["flags"]
    text = script(images=3, quantisation="int8", tensor_parallel=2, max_input=400)
    convert, build = programs.run(text)
    assert convert[0] == "/app/examples/models/core/llama/convert_checkpoint.py"
    converted, built = _flags(convert[1:]), _flags(build)
    assert converted.keys() <= set(upstream["convert_checkpoint.py"])
    assert built.keys() <= set(upstream["trtllm-build"])
    assert converted == {
        "model_dir": "/weights/llava",
        "output_dir": "/engines/llava.checkpoint",
        "dtype": "float16",
        "tp_size": "2",
        "pp_size": "1",
        "use_weight_only": None,
        "weight_only_precision": "int8",
    }
    assert built["output_dir"] == "/engines/llava"
    assert (built["max_batch_size"], built["max_seq_len"], built["max_input_len"]) == (
        "4",
        "512",
        "400",
    )
    # Four requests of three images of 64 rows.
    assert built["max_multimodal_len"] == str(4 * 3 * 64)
    assert "max_multimodal_len" not in _flags(programs.run(script())[1])


@pytest.mark.parametrize("path", HOSTILE)
def test_the_script_takes_a_path_as_it_is(programs: Programs, path: str) -> None:
    convert, build = programs.run(script(checkpoint=f"path:{path}", engine=f"path:{path}"))
    assert _flags(convert[1:])["model_dir"] == path
    assert _flags(build)["output_dir"] == path
    assert not (programs.folder / "pwned").exists()


PATHS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30)


@settings(max_examples=25)
@given(PATHS)
def test_the_script_takes_any_path(programs: Programs, name: str) -> None:
    path = f"/{name}".rstrip()
    convert, _ = programs.run(script(checkpoint=f"path:{path}"))
    at = convert.index("--model_dir")
    assert convert[at + 1] == path


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("path", HOSTILE[:5])
def test_shellcheck_finds_nothing(tmp_path: Path, path: str) -> None:
    file = tmp_path / FILE
    file.write_bytes(script(checkpoint=f"path:{path}", images=1))
    found = subprocess.run(["shellcheck", file], capture_output=True, check=False, timeout=60)
    assert found.stdout == b""


TEXT_ALONE = replace(read_decoder(DEMO), images=None)
ANY_ROWS = replace(read_decoder(DEMO), images=Images(token=2, text="<image>", rows=None))
OTHER = replace(TEXT_ALONE, architecture="GemmaForCausalLM", language_model="GemmaForCausalLM")


@pytest.mark.parametrize(
    ("decoder", "keys", "told"),
    [
        (OTHER, {}, "GemmaForCausalLM"),
        (TEXT_ALONE, {"images": 1}, "which reads text alone"),
        (ANY_ROWS, {"images": 1}, "Write image_rows"),
        (None, {"max_input": 512}, "fewer than 512"),
        (None, {"max_step_tokens": 100}, "511 or more, as a prompt is computed in one step"),
        (None, {"images": 8}, "images of fewer than 511 rows together"),
        (None, {"triton": "26.08"}, "has no TensorRT-LLM"),
    ],
)
def test_what_cannot_be_served_is_refused(
    decoder: Decoder | None, keys: dict[str, Any], told: str
) -> None:
    with pytest.raises(FamilyError) as problem:
        made(decoder, **keys)
    (finding,) = problem.value.findings
    assert told in str(finding)


def test_a_long_prompt_may_come_in_pieces() -> None:
    assert engine(max_step_tokens=100, chunked_context=True)


def test_an_image_may_have_as_many_rows_as_the_profile_says() -> None:
    parameters = made(ANY_ROWS, images=2, image_rows=100).parameters
    assert (parameters["images"], parameters["image_rows"]) == ("2", "100")


def test_the_facts_are_of_named_versions() -> None:
    for each in ("llmapi.json", "llm_args.json", "inflight_batcher_llm.json"):
        assert "NVIDIA/TensorRT-LLM" in json.dumps(facts(each))
