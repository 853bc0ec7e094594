# ruff: noqa: E501 -- one line a case
"""A config's text: encodings, and ways to write a field that a parser takes or not."""

from __future__ import annotations

from functools import partial

from tests.agreement.corpus import named
from tests.agreement.writing import PYTHON, Bench

P = PYTHON.encode()

TEXTS: dict[str, bytes] = {
    "latin_comment": P + b"# \xa9 2024 gr\xf6\xdfe\n",
    "latin_parameter": P + b'parameters { key: "k" value { string_value: "gr\xf6\xdfe" } }\n',
    "latin_parameter_key": P + b'parameters { key: "gr\xf6\xdfe" value { string_value: "a" } }\n',
    "latin_by_escape": P + b'parameters { key: "k" value { string_value: "\\366\\xdf" } }\n',
    "latin_in_single_quotes": P + b"parameters { key: 'k' value { string_value: '# gr\xf6' } }\n",
    "latin_tag": P + b'metric_tags { key: "k" value: "gr\xf6" }\n',
    "latin_tensor": P.replace(b'"x"', b'"gr\xf6\xdfe"'),
    "latin_group": P + b'instance_group { name: "gr\xf6" count: 1 }\n',
    "latin_field": P + b"gr\xf6: 3\n",
    "latin_blank": P + b"\xa0\n",
    "utf8_comment": P + "# größe, 模型\n".encode(),
    "utf8_parameter": P + 'parameters { key: "k" value { string_value: "größe" } }\n'.encode(),
    "utf8_tensor": P.replace(b'"x"', '"größe"'.encode()),
    "utf8_by_escape": P + b'parameters { key: "k" value { string_value: "\\u00f6\\303\\266" } }\n',
    "utf8_in_two_pieces": P + b'parameters { key: "k" value { string_value: "\xc3" "\xb6" } }\n',
    "utf8_blank": P + "\u00a0\n".encode(),
    "one_odd_byte": b"\xff",
    "byte_order_mark": b"\xef\xbb\xbf" + P,
    "utf16": PYTHON.encode("utf-16"),
    "nul_at_the_end": P + b"\0",
    "nul_in_a_comment": P + b"# \0 a\n",
    "carriage_returns": P.replace(b"\n", b"\r\n"),
    "old_carriage_returns": P.replace(b"\n", b"\r"),
    "no_newline_at_the_end": P.strip(),
    "form_feed": P + b"\x0c\x0b\n",
    "semicolons": b'backend: "python"; max_batch_size: 0;'
    + P.replace(b"max_batch_size: 0", b"").replace(b'backend: "python"', b""),
    "commas_and_lists": b'backend: "python", input [ { name: "x", data_type: TYPE_FP32, dims: [ -1 ] } ], output [ { name: "y" data_type: TYPE_FP32 dims: [ -1 ] } ]',
    "angle_brackets": b'backend: "python" input < name: "x" data_type: TYPE_FP32 dims: -1 > output < name: "y" data_type: TYPE_FP32 dims: -1 >',
    "enums_by_number": b'backend: "python" input { name: "x" data_type: 11 dims: -1 } output { name: "y" data_type: 11 dims: -1 }',
    "hexadecimal_number": P.replace(b"max_batch_size: 0", b"max_batch_size: 0x4"),
    "octal_number": P.replace(b"max_batch_size: 0", b"max_batch_size: 010"),
    "number_with_a_point": P.replace(b"max_batch_size: 0", b"max_batch_size: 0.0"),
    "field_twice": P + b"max_batch_size: 2\n",
    "name_twice": P + b'name: "text_name_twice" name: "text_name_twice"\n',
    "message_twice": P + b"optimization { } optimization { }\n",
    "two_schedulers": P + b"dynamic_batching { } sequence_batching { }\n",
    "slashes_for_a_comment": P + b"// a comment\n",
    "decoupled_by_number": P + b"model_transaction_policy { decoupled: 1 }\n",
    "decoupled_by_letter": P + b"model_transaction_policy { decoupled: t }\n",
    "decoupled_capital": P + b"model_transaction_policy { decoupled: True }\n",
    "decoupled_shouted": P + b"model_transaction_policy { decoupled: TRUE }\n",
    "enum_in_quotes": P.replace(b"TYPE_FP32", b'"TYPE_FP32"'),
    "enum_in_small_letters": P.replace(b"TYPE_FP32", b"type_fp32"),
    "enum_without_prefix": P.replace(b"TYPE_FP32", b"FP32"),
    "enum_unknown_number": P.replace(b"TYPE_FP32", b"99"),
    "json": b'{"backend": "python", "max_batch_size": 0}',
    "empty_list": P + b"instance_group [ ]\n",
    "number_in_quotes": P.replace(b"[ -1 ]", b'"-1"'),
    "comma_at_the_end": P.replace(b"[ -1 ]", b"[ -1, ]"),
    "dims_without_brackets_twice": P.replace(b"dims: [ -1 ]", b"dims: -1 dims: 2"),
    "unknown_field": P + b"colour: 3\n",
    "later_field": P + b"model_metrics { }\n",
    "field_of_another_message": P + b"dims: [ 3 ]\n",
    "string_over_two_lines": P + b'parameters { key: "k" value { string_value: "a\nb" } }\n',
    "escape_that_is_none": P + b'parameters { key: "k" value { string_value: "\\d+" } }\n',
    "value_without_braces": P + b'parameters { key: "k" value: "v" }\n',
    "colon_before_braces": P + b'parameters: { key: "k", value: { string_value: "v" } }\n',
    "brace_missing": P + b'parameters { key: "k"\n',
    "brace_too_many": P + b"}\n",
    "kind_unquoted": P + b"instance_group { kind: KIND_CPU count: 1 }\n",
    "count_negative": P + b"instance_group { count: -1 kind: KIND_CPU }\n",
    "count_zero": P + b"instance_group { count: 0 kind: KIND_CPU }\n",
    "parameter_twice": P
    + b'parameters { key: "a" value { string_value: "1" } } parameters { key: "a" value { string_value: "2" } }\n',
    "platform_python": P.replace(b"backend:", b"platform:"),
}

for name, content in TEXTS.items():
    named(f"text_{name}")(partial(Bench.python, config=content))
