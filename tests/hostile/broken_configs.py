# ruff: noqa: E501 -- one line a case
"""Configs: their text, numbers, paths and instances."""

from __future__ import annotations

import os

from tests.hostile.writing import (
    CONFIG,
    Case,
    changed,
    config,
    model,
    more,
    parameter,
)

# fmt: off
CASES: list[Case] = [
    ('nested a hundred thousand deep', config('colour { ' * 100000), {'unknown-field'}),
    ('unknown fields nested deep', config(CONFIG + 'zzz { ' * 5000 + '}' * 5000), {'unknown-field'}),
    ('a million comments', more('# no\n' * 1000000), set()),
    ('a thousand inputs', more(''.join(f'input {{ name: "i{n}" data_type: TYPE_FP32 dims: 1 }}\n' for n in range(1000))), set()),
    ('a byte order mark', config('\ufeff' + CONFIG), {'config-syntax'}),
    ('bytes that are no UTF-8', lambda folder: model(folder, text=CONFIG + parameter('a', os.fsdecode(b'\xff'))), set()),
    ('a NUL in a name', more('input { name: "a\\000b" data_type: TYPE_FP32 dims: 1 }'), set()),
    ('an escape sequence in a name', more('input { name: "a\\033[2Jb" data_type: TYPE_FP32 dims: 1 }'), set()),
    ('an enum by an unknown number', changed('TYPE_FP32 dims: 4 }\noutput', '99 dims: 4 }\noutput'), set()),
    ('a number too large for its field', changed('size: 4', 'size: 99999999999'), {'config-syntax'}),
    ('the largest batch', changed('size: 4', 'size: 2147483647'), set()),
    ('enormous dims', changed('dims: 4 }\noutput', 'dims: [9223372036854775807, 9223372036854775807] }\noutput'), {'tensor-size'}),
    ('dims whose product overflows to zero', changed('dims: 4 }\noutput', 'dims: [4294967296, 4294967296] }\noutput'), {'tensor-size'}),
    ('a thousand dims', changed('dims: 4 }\noutput', f'dims: {[1] * 1000} }}\noutput'), set()),
    ('dim 0', changed('dims: 4 }\noutput', 'dims: 0 }\noutput'), {'tensor-dims'}),
    ('two dynamic batchers', more('dynamic_batching { } dynamic_batching { }'), {'config-syntax'}),
    ('the longest queue delay', more('dynamic_batching { max_queue_delay_microseconds: 18446744073709551615 }'), set()),
    ('a million priority levels', more('dynamic_batching { priority_levels: 1000000 default_priority_level: 1 }'), set()),
    ('the most priority levels', more('dynamic_batching { priority_levels: 18446744073709551615 default_priority_level: 1 }'), set()),
    ('backend with a path', changed('"python"', '"../python"'), {'backend'}),
    ('backend that there is not', changed('"python"', '"nothere"'), set()),
    ('runtime that leads out', more('runtime: "../x.so"'), {'runtime-path'}),
    ('runtime that is absolute', more('runtime: "/tmp/x.so"'), {'runtime-path'}),
    ('file name that leads out', more('default_model_filename: "../../m/1/model.py"'), {'outside-path'}),
    ('file name that is absolute', more('default_model_filename: "/etc/passwd"'), {'outside-path', 'python-model'}),
    ('file name that is a folder', more('default_model_filename: "."'), {'python-model'}),
    ('file name of a megabyte', more(f'''default_model_filename: "{'a' * 2 ** 20}"'''), {'python-file'}),
    ('a stub of its own', lambda folder: (model(folder).parent / 'triton_python_backend_stub').write_bytes(b'#!/bin/false\n'), {'stub-file'}),
    ('a negative GPU', more('instance_group { gpus: -1 }'), {'instance-group'}),
    ('no GPU of that number', more('instance_group { kind: KIND_GPU gpus: 4095 }'), set()),
    ('instances without end', changed('count: 1', 'count: 2147483647'), {'instance-count'}),
    ('a negative count', changed('count: 1', 'count: -2147483648'), set()),
    ('passive instances alone', changed('count: 1', 'count: 1 passive: true'), {'passive-instances'}),
    ('a resource of which there is none', changed('count: 1', 'count: 1 rate_limiter { resources { name: "R" count: 5 } }'), set()),
    ('a host policy that there is not', changed('count: 1', 'count: 1 host_policy: "nothere"'), set()),
    ('the most sequences', more('sequence_batching { oldest { max_candidate_sequences: 2147483647 } }'), {'sequence-slots'}),
    ('no candidate sequence', more('sequence_batching { oldest { max_candidate_sequences: 0 } }'), set()),
    ('the largest batch in sequence', lambda folder: model(folder, text=CONFIG.replace('size: 4', 'size: 2147483647') + 'sequence_batching { direct { } }'), {'sequence-slots'}),
    ('a state without its input', more('sequence_batching { state { input_name: "" output_name: "s" data_type: TYPE_FP32 dims: 1 } }'), set()),
    ('a state of enormous dims', more('sequence_batching { state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: [4294967296, 4294967296] initial_state { data_type: TYPE_FP32 dims: [4294967296, 64] zero_data: true name: "z" } } }'), {'tensor-size', 'initial-state'}),
    ("a state's file that leads out", more('sequence_batching { state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 1 initial_state { data_type: TYPE_FP32 dims: 1 data_file: "../../../etc/passwd" name: "z" } } }'), {'outside-path', 'initial-state'}),
]
