"""Writes the stubs of tritonclient's protobuf modules: ``python stubs/make.py``.

They are made from the descriptors of the tritonclient that is installed, by mypy-protobuf, and
checked in. A test compares them with what this writes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from tritonclient.grpc import model_config_pb2, service_pb2

MODULES = (model_config_pb2, service_pb2)

PLUGINS = {"protoc-gen-mypy": MODULES, "protoc-gen-mypy_grpc": (service_pb2,)}
"""mypy-protobuf's programs, and the modules of which each writes a stub."""


def request() -> CodeGeneratorRequest:
    """What protoc would ask its plugins, each file under the path of the module made from it."""
    paths = {
        module.DESCRIPTOR.name: module.__name__.replace(".", "/").removesuffix("_pb2") + ".proto"
        for module in MODULES
    }
    asked = CodeGeneratorRequest(parameter="quiet,generate_concrete_servicer_stubs")
    for module in MODULES:
        file = asked.proto_file.add()
        module.DESCRIPTOR.CopyToProto(file)
        file.name = paths[file.name]
        file.dependency[:] = [paths[each] for each in file.dependency]
    return asked


def write(out: Path) -> list[Path]:
    """Writes the stubs into a folder, and returns their paths.

    Raises:
        subprocess.CalledProcessError: a plugin failed; it said why.
        FileNotFoundError: mypy-protobuf is not installed beside this Python.
    """
    asked, written = request(), []
    for plugin, modules in PLUGINS.items():
        names = [module.__name__.replace(".", "/").removesuffix("_pb2") for module in modules]
        asked.file_to_generate[:] = [f"{name}.proto" for name in names]
        answer = subprocess.run(
            [Path(sys.executable).with_name(plugin)],
            input=asked.SerializeToString(),
            stdout=subprocess.PIPE,
            check=True,
        )
        for file in CodeGeneratorResponse.FromString(answer.stdout).file:
            path = out / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content, encoding="utf-8")
            written.append(path)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="into this folder")
    for made in write(parser.parse_args().out):
        print(made)
