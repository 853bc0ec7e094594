"""JSON bodies that are no requests: wrong in their tensors, around them, or as text."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.fuzz import mutate
from tests.fuzz.media import images

TEXTS = (
    *(b"", b"null", b"[]", b"{}", b'"', b"{" * 200, b"[" * 2000, b"\xff\xfe{", b"NaN"),
    *(b'{"inputs":[', b'{"a":1,"a":2}', b"\0" * 100, b" " * 100_000),
)
"""Bodies that are no JSON, or none of an object of inputs."""


def tensor(name: Any, datatype: Any, shape: Any, data: Any = None, **parameters: Any) -> Any:
    """An input of a JSON body."""
    entry = {"name": name, "datatype": datatype, "shape": shape}
    if data is not None:
        entry["data"] = data
    return entry | ({"parameters": parameters} if parameters else {})


def nested(depth: int) -> Any:
    """Lists in lists, fewer than end Triton."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def body(random: Random) -> tuple[str, str, Any]:
    """A model, what is wrong, and a JSON body that is one and fits no model."""
    png = list(images.seeds()["bit.png"])
    size = len(png)
    odd: list[tuple[str, str, Any]] = [
        ("decode_image", "dtype", [tensor("image", kind, [size], png)])
        for kind in ("FP32", "BYTES", "UINT9", "", 7, None, "x" * 5000, "uint8", "BF16", "FP16")
    ]
    odd += [
        ("decode_image", "shape", [tensor("image", "UINT8", shape, png)])
        for shape in (
            *([], [0], [-1], [size, 1], [1, size], [size + 1], [size - 1], [0, 2**31], [1.5], None),
            *("7", [None], [[size]], [-size], [size, -1], [True], {"a": 1}, [size, 0]),
        )
    ]
    numbers: tuple[Any, ...] = (
        *([], [1], [1, 2, 3], [256, -1], [1e400, 0], ["a", "b"], [None, 1], "ab", 5, {}),
        *([[1], [2]], [[1, 2]], [1.5, 2.5], [2**70, 1], [True, False], nested(500), [{}, {}]),
    )
    odd += [("decode_image", "data", [tensor("image", "UINT8", [2], data)]) for data in numbers]
    odd += [
        ("decode_image", "name", [tensor(name, "UINT8", [1], [1])])
        for name in (
            "",
            "Image",
            "pixels",
            "START",
            "x" * 10_000,
            "image\0",
            "é",
            5,
            None,
            ["image"],
        )
    ]
    odd += [
        ("ocr", "twice", [tensor("image", "UINT8", [size], png)] * 2),
        ("ocr", "none", []),
        ("ocr", "too many", [tensor(f"image{k}", "UINT8", [1], [1]) for k in range(300)]),
        ("asr", "both", [tensor("audio", "UINT8", [1], [1]), tensor("samples", "FP32", [1], [0])]),
        ("asr", "words", [tensor("word_list", "BYTES", [2], ["a", 5])]),
        ("asr", "bytes", [tensor("word_list", "BYTES", [1], ["\ud800"])]),
        (
            "transcribe",
            "empty",
            [tensor("windows", "FP32", [0, 0], []), tensor("lengths", "INT32", [0], [])],
        ),
        ("asr_stream", "no sequence", [tensor("samples", "FP32", [1], [0])]),
        ("recognise", "sizes", [tensor("crops", "UINT8", [1, 47, 9, 3], [1] * 1269)]),
        ("decode_image", "inputs", {"image": png}),
        ("decode_image", "inputs", "image"),
        ("decode_image", "inputs", [5, None, [], {}]),
    ]
    return random.choice(odd)


def json_body(random: Random) -> tuple[str, bytes]:
    """A body of JSON, wrong in its tensors, around them, or as text."""
    model, what, inputs = body(random)
    request: Any = {"inputs": inputs}
    if random.random() < 0.5:
        more: list[Any] = [
            {"id": 5}, {"id": "x" * 100_000}, {"id": "\0\n"}, {"outputs": []}, {"outputs": 5},
            {"outputs": [{"name": "text"}, {"name": "text"}]}, {"outputs": [{"name": "no such"}]},
            {"outputs": [{"parameters": {}}]}, {"parameters": 5}, {"parameters": {"a": None}},
            {"parameters": {"priority": -1}}, {"parameters": {"timeout": -5}},
            {"parameters": {"timeout": 2**63}}, {"parameters": {"sequence_id": -1}},
            {"parameters": {"sequence_id": 1.5, "sequence_start": "yes"}},
            {"parameters": {"sequence_id": "\udcff", "sequence_start": True}},
            {"parameters": {"error_code_in_text": True}}, {"parameters": {"x" * 5000: [1]}},
            {"parameters": {"binary_data_output": 7}}, {"parameters": {"triton_x": "é\0"}},
            {"outputs": [{"name": "text", "parameters": {"binary_data": "x"}}]},
            {"outputs": [{"name": "text", "parameters": {"shared_memory_region": "nothere"}}]},
        ]  # fmt: skip
        request |= random.choice(more)
    text = json.dumps(request, ensure_ascii=random.random() < 0.8)
    data = text.encode("utf-8", "surrogatepass")
    way = random.random()
    if way < 0.25:
        data = mutate.blindly(random, data[:5000])
    elif way < 0.35:
        texts = (b"", b"null", b"[]", b"{}", b'"', b"{" * 200, b"[" * 2000, b"\xff\xfe{", b"NaN")
        data = random.choice(
            (*texts, b'{"inputs":[', b'{"a":1,"a":2}', b"\0" * 100, b" " * 100_000)
        )
    return f"{model}: {what}", data
