"""Folders, versions, policies, and what lies beside a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper

from tests.agreement.corpus import named, shape
from tests.agreement.writing import ECHO, ONNX, PYTHON, Bench, linear

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 48\n"


def weights(
    location: str = "model.onnx.data", entries: Mapping[str, int] | None = None
) -> TensorProto:
    """The weights of :func:`linear`, in another file."""
    tensor = numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **(entries or {})}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


DATA = np.ones(12, np.float32).tobytes()


def external(
    at: Bench, data: bytes | str | None, path: str = "1/model.onnx.data", **entries: int
) -> None:
    at.onnx(ONNX, linear(weights=weights(entries=entries)))
    if data is not None:
        at.put(path, data)


@shape
def external_beside(at: Bench) -> None:
    external(at, DATA)


@shape
def external_beside_empty_config(at: Bench) -> None:
    at.onnx("", linear(weights=weights()))
    at.put("1/model.onnx.data", DATA)


@shape
def external_in_a_folder(at: Bench) -> None:
    at.put("config.pbtxt", ONNX)
    at.put("1/model.onnx/model.onnx", linear(weights=weights()).SerializeToString())
    at.put("1/model.onnx/model.onnx.data", DATA)


@shape
def external_in_a_folder_below(at: Bench) -> None:
    at.onnx(ONNX, linear(weights=weights("weights/w.bin")))
    at.put("1/weights/w.bin", DATA)


@shape
def external_missing(at: Bench) -> None:
    external(at, None)


@shape
def external_missing_empty_config(at: Bench) -> None:
    at.onnx("", linear(weights=weights()))


@shape
def external_in_the_models_folder(at: Bench) -> None:
    external(at, DATA, "model.onnx.data")


@shape
def external_too_short(at: Bench) -> None:
    external(at, DATA[:-1])


@shape
def external_empty(at: Bench) -> None:
    external(at, b"")


@shape
def external_longer(at: Bench) -> None:
    external(at, DATA + b"more")


@shape
def external_at_an_offset(at: Bench) -> None:
    external(at, b"1234" + DATA, offset=4, length=48)


@shape
def external_beyond_the_end(at: Bench) -> None:
    external(at, DATA, offset=4, length=48)


@shape
def external_of_another_length(at: Bench) -> None:
    external(at, DATA, offset=0, length=44)


@shape
def external_pointer(at: Bench) -> None:
    external(at, POINTER)


@shape
def external_pointer_too_short(at: Bench) -> None:
    external(at, POINTER, offset=4096, length=48)


@shape
def onnx_pointer(at: Bench) -> None:
    at.put("config.pbtxt", ONNX)
    at.put("1/model.onnx", POINTER)


@shape
def onnx_pointer_empty_config(at: Bench) -> None:
    at.put("config.pbtxt", "")
    at.put("1/model.onnx", POINTER)


@shape
def onnx_cut_off(at: Bench) -> None:
    at.onnx()
    at.put("1/model.onnx", linear().SerializeToString()[:50])


@shape
def onnx_linked(at: Bench) -> None:
    at.onnx()
    target = at.folder() / "store.onnx"
    (at.folder() / "1" / "model.onnx").rename(target)
    (at.folder() / "1" / "model.onnx").symlink_to(Path("..") / "store.onnx")


# What else people leave in a model's folder.
for name, paths in {
    "readme_beside": ["README.md"],
    "license_and_card": ["LICENSE", "model_card.md", ".gitattributes"],
    "hidden_folder": [".ipynb_checkpoints/config-checkpoint.pbtxt"],
    "pycache_beside": ["1/__pycache__/model.cpython-310.pyc"],
    "pycache_in_the_folder": ["__pycache__/x.pyc"],
    "folder_of_assets": ["assets/vocab.txt"],
    "warmup_folder": ["warmup/x"],
    "initial_state_folder": ["initial_state/x"],
    "configs_folder": ["configs/other.pbtxt"],
    "config_backup": ["config.pbtxt.bak", "config.pbtxt~"],
    "old_version_renamed": ["1_old/model.py"],
    "copy_of_a_version": ["1 (copy)/model.py"],
    "dotted_version": ["1.0/model.py"],
    "version_with_zeros": ["01/model.py"],
    "version_with_v": ["v2/model.py"],
    "negative_version_beside": ["-1/model.py"],
    "tokenizer_in_the_version": ["1/tokenizer.json", "1/lib/__init__.py"],
    "labels_beside": ["labels.txt"],
    "empty_files": ["1/empty", "empty"],
}.items():

    @named(name)
    def beside(at: Bench, paths: list[str] = paths) -> None:
        at.python()
        for path in paths:
            at.put(path, b"text")


POLICY = PYTHON + "version_policy { %s }"

# Version folders, and the policy.
for name, (folders, policy) in {
    "versions_latest": (["1", "2", "10"], "latest { num_versions: 2 }"),
    "versions_all": (["1", "3"], "all { }"),
    "versions_specific": (["1", "2"], "specific { versions: [ 1 ] }"),
    "versions_specific_all_missing": (["1"], "specific { versions: [ 4 ] }"),
    "versions_specific_one_missing": (["1"], "specific { versions: [ 1, 4 ] }"),
    "versions_specific_none": (["1"], "specific { }"),
    "versions_latest_none": (["1"], "latest { num_versions: 0 }"),
    "versions_latest_unset": (["1"], "latest { }"),
    "versions_latest_more": (["1"], "latest { num_versions: 5 }"),
    "versions_specific_beside_backup": (["1", "2_backup"], "specific { versions: [ 1 ] }"),
    "versions_specific_twice": (["1"], "specific { versions: [ 1, 1 ] }"),
    "versions_zero": (["0"], "all { }"),
    "versions_of_a_date": (["20241001"], "latest { num_versions: 1 }"),
    "versions_of_a_time": (["1700000000000000000"], "latest { num_versions: 1 }"),
    "versions_none": ([], "all { }"),
    "versions_named": (["latest"], "all { }"),
    "versions_hexadecimal": (["0x1", "1"], "all { }"),
}.items():

    @named(name)
    def versions(at: Bench, folders: list[str] = folders, policy: str = policy) -> None:
        at.put("config.pbtxt", POLICY % policy)
        for folder in folders:
            at.put(f"{folder}/model.py", ECHO)


@shape
def backup_of_an_older_version(at: Bench) -> None:
    at.put("config.pbtxt", PYTHON)
    at.put("2/model.py", ECHO)
    at.put("1_old/model.py", ECHO)


@shape
def hidden_folder_before_inference(at: Bench) -> None:
    at.python(PYTHON.replace('backend: "python"', ""))
    at.put(".git/")


@shape
def backup_folder_tells_the_backend(at: Bench) -> None:
    at.put("config.pbtxt", PYTHON.replace('backend: "python"', ""))
    at.put("2/model.py", ECHO)
    at.put("0_notes/")


@shape
def old_version_tells_the_backend(at: Bench) -> None:
    at.put("config.pbtxt", PYTHON.replace('backend: "python"', ""))
    at.put("1/model.py", ECHO)
    at.put("2/model.py", ECHO)


@shape
def link_to_nothing(at: Bench) -> None:
    at.python()
    (at.folder() / "current").symlink_to("nowhere")


@shape
def link_to_a_version(at: Bench) -> None:
    at.python()
    (at.folder() / "3").symlink_to("1")


@shape
def labels_missing(at: Bench) -> None:
    at.python(PYTHON.replace('name: "y"', 'name: "y" label_filename: "labels.txt"'))


@shape
def labels_there(at: Bench) -> None:
    labels_missing(at)
    at.put("labels.txt", "a\nb\n")


@shape
def labels_in_the_version(at: Bench) -> None:
    labels_missing(at)
    at.put("1/labels.txt", "a\nb\n")


@shape
def name_of_another_model(at: Bench) -> None:
    at.python('name: "other"\n' + PYTHON)


@shape
def name_written(at: Bench) -> None:
    at.python(f'name: "{at.named()}"\n' + PYTHON)


@shape
def python_without_class(at: Bench) -> None:
    at.python(code="class Model:\n    pass\n")


@shape
def python_with_tabs(at: Bench) -> None:
    at.python(code=ECHO.replace("    ", "\t"))


@shape
def python_in_latin_1(at: Bench) -> None:
    at.python()
    at.put("1/model.py", ECHO.encode() + b"# gr\xf6\xdfe\n")


@shape
def python_declared_latin_1(at: Bench) -> None:
    at.python()
    at.put("1/model.py", b"# -*- coding: latin-1 -*-\n# gr\xf6\xdfe\n" + ECHO.encode())


@shape
def python_with_byte_order_mark(at: Bench) -> None:
    at.python()
    at.put("1/model.py", b"\xef\xbb\xbf" + ECHO.encode())


@shape
def python_with_carriage_returns(at: Bench) -> None:
    at.python(code=ECHO.replace("\n", "\r\n"))


@shape
def python_two_modules(at: Bench) -> None:
    at.python(code="from .inner import TritonPythonModel\n")
    at.put("1/inner.py", ECHO)
