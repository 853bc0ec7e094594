# ruff: noqa: E501 -- one line a case
"""Warm-up requests, ensembles and ONNX models."""

from __future__ import annotations

import os

from tests.hostile.writing import (
    CONFIG,
    Case,
    chain,
    circle,
    ensemble,
    graph,
    model,
    more,
    onnx,
    onnx_model,
    parameter,
    sparse,
    step,
    warmup,
)

# fmt: off
CASES: list[Case] = [
    ('warm-up of terabytes', lambda folder: model(folder, text=CONFIG.replace('dims: 4', 'dims: -1') + warmup('dims: 1099511627776 zero_data: true')), {'warmup-size'}),
    ('warm-up whose size overflows', lambda folder: model(folder, text=CONFIG.replace('dims: 4', 'dims: [-1, -1]') + warmup('dims: [4294967296, 4294967296] zero_data: true')), {'warmup-size'}),
    ('warm-up of one too many', more(warmup('dims: 4 zero_data: true', head='batch_size: 5')), {'warmup-size'}),
    ('warm-up file that leads out', more(warmup('dims: 4 input_data_file: "../../../../etc/passwd"')), {'outside-path', 'warmup'}),
    ('warm-up file that is too short', lambda folder: (model(folder, text=CONFIG + warmup('dims: 4 input_data_file: "d"')), (folder / 'm' / 'warmup').mkdir(), (folder / 'm' / 'warmup' / 'd').write_bytes(b'123')), {'warmup'}),
    ('warm-up file that is a pipe', lambda folder: (model(folder, text=CONFIG + warmup('dims: 4 input_data_file: "d"')), (folder / 'm' / 'warmup').mkdir(), os.mkfifo(folder / 'm' / 'warmup' / 'd')), {'warmup'}),
    ('warm-up for ever', more(warmup('dims: 4 zero_data: true', head='batch_size: 1 count: 4294967295')), {'warmup-size'}),
    ('warm-up of the largest batch', more(warmup('dims: 4 zero_data: true', head='batch_size: 4294967295')), {'warmup-size'}),
    ('ensembles in a circle', circle, {'ensemble-recursion'}),
    ('an ensemble of itself', lambda folder: ensemble(folder, 'a', step('a', 'x', 'y')), {'ensemble-recursion'}),
    ('steps in a circle', lambda folder: (model(folder), ensemble(folder, 'e', step('m', 'a', 'b') + step('m', 'b', 'a') + step('m', 'x', 'y'))), {'cycle'}),
    ('an ensemble of nothing', lambda folder: ensemble(folder, 'e', ''), {'ensemble-step'}),
    ('five hundred steps', lambda folder: chain(folder, 500), set()),
    ('a step of a model that is not there', lambda folder: ensemble(folder, 'e', step('gone', 'x', 'y')), {'unknown-model'}),
    ('a step without a name', lambda folder: ensemble(folder, 'e', step('', 'x', 'y')), {'ensemble-step'}),
    ('two steps that write one tensor', lambda folder: (model(folder), ensemble(folder, 'e', step('m', 'x', 'y') * 2)), {'written-twice'}),
    ('threads beyond 32 bits', onnx(parameter('intra_op_thread_count', '99999999999')), {'onnx-parameter-overflow'}),
    ('execution mode beyond 64 bits', onnx(parameter('execution_mode', '9' * 30)), {'onnx-parameter-overflow'}),
    ('rows that are not the batch', onnx(content=graph('Concat', given=(None, 4))), {'onnx-cut-output'}),
    ('an empty ONNX file', onnx(content=b''), {'onnx-file'}),
    ('an ONNX file that is cut', onnx(content=graph()[:40]), {'onnx-file'}),
    ('an ONNX file of noise', onnx(content=bytes(range(256)) * 64), {'onnx-file'}),
    ('an ONNX file of zeros', lambda folder: sparse(2 ** 32)(onnx_model(folder) / 'model.onnx'), {'onnx-file'}),
    ('an ONNX file that is a pointer', onnx(content=b'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n'), {'onnx-file'}),
    ('an ONNX file that is a pipe', lambda folder: ((onnx_model(folder) / 'model.onnx').unlink(), os.mkfifo(folder / 'm' / '1' / 'model.onnx')), {'onnx-file'}),
]
