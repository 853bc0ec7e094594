# ruff: noqa: E501 -- one line a case
"""Files that are something else, and code that is none."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.writing import (
    CONFIG,
    MODEL,
    Case,
    code,
    linked_out,
    listening,
    model,
    parameter,
    replaced,
    sparse,
    with_model,
)

LABELLED = 'output { name: "z" data_type: TYPE_FP32 dims: 1 label_filename: "l" }'

# fmt: off
CASES: list[Case] = [
    ('config is a pipe', replaced('config.pbtxt', os.mkfifo), {'unreadable'}),
    ('config is a socket', replaced('config.pbtxt', listening), {'unreadable'}),
    ('config is a folder', replaced('config.pbtxt', Path.mkdir), {'unreadable'}),
    ('config is a device', replaced('config.pbtxt', lambda path: path.symlink_to('/dev/zero')), {'unreadable'}),
    ('config is a link to itself', replaced('config.pbtxt', lambda path: path.symlink_to(path.name)), {'unreadable'}),
    ('config is a link to nothing', replaced('config.pbtxt', lambda path: path.symlink_to('nowhere')), {'missing-config'}),
    ('config of a terabyte of zeros', replaced('config.pbtxt', sparse(2 ** 40)), {'config-syntax'}),
    ('empty config', replaced('config.pbtxt', Path.touch), set()),
    ('config of zeros', replaced('config.pbtxt', sparse(4096)), {'config-syntax'}),
    ('model.py is a pipe', replaced('1/model.py', os.mkfifo), {'python-model'}),
    ('model.py is a folder', replaced('1/model.py', Path.mkdir), {'python-model'}),
    ('model.py is a device', replaced('1/model.py', lambda path: path.symlink_to('/dev/zero')), {'python-model'}),
    ('model.py is a link to nothing', replaced('1/model.py', lambda path: path.symlink_to('nowhere')), {'python-file'}),
    ('model.py is huge', replaced('1/model.py', sparse(2 ** 36)), {'python-model'}),
    ('version is a file', with_model(lambda folder: (folder / '2').touch()), set()),
    ('version is a link out of the repository', linked_out, set()),
    ('version is a link to itself', with_model(lambda folder: (folder / '2').symlink_to('2')), {'broken-link'}),
    ('version is a pipe', with_model(lambda folder: os.mkfifo(folder / '2')), set()),
    ('a file among the models', lambda folder: (model(folder), (folder / 'notes.txt').touch()), set()),
    ('a pipe among the models', lambda folder: (model(folder), os.mkfifo(folder / 'pipe')), set()),
    ('a link to nothing among the models', lambda folder: (model(folder), (folder / 'gone').symlink_to('nowhere')), {'broken-link'}),
    ('a link to the repository itself', lambda folder: (model(folder), (folder / 'again').symlink_to('.')), {'stray-folder'}),
    ('an empty folder among the models', lambda folder: (model(folder), (folder / 'empty').mkdir()), {'stray-folder'}),
    ('a name that is no UTF-8', lambda folder: (folder / os.fsdecode(b'a\xff')).mkdir(), {'model-name'}),
    ('git among the models', lambda folder: (model(folder), (folder / '.git' / 'objects').mkdir(parents=True)), {'stray-folder'}),
    ('a link to nothing in a model', with_model(lambda folder: (folder / 'gone').symlink_to('nowhere')), {'broken-link'}),
    ('a link to nothing in a version', with_model(lambda folder: (folder / '1' / 'gone').symlink_to('nowhere')), set()),
    ('a link to the model in its version', with_model(lambda folder: (folder / '1' / 'loop').symlink_to('..')), set()),
    ('a socket in a model', with_model(lambda folder: listening(folder / 's')), set()),
    ('labels in a pipe', lambda folder: os.mkfifo(model(folder, text=CONFIG + LABELLED).parent / 'l'), {'label-file'}),
    ('labels in a folder', lambda folder: (model(folder, text=CONFIG + LABELLED).parent / 'l').mkdir(), {'label-file'}),
    ('an empty stub', lambda folder: (model(folder).parent / 'triton_python_backend_stub').touch(), {'stub-file'}),
    ('an environment of junk', lambda folder: (model(folder, text=CONFIG + parameter('EXECUTION_ENV_PATH', '$$TRITON_MODEL_DIRECTORY/e.tar.gz')).parent / 'e.tar.gz').write_bytes(b'junk'), {'execution-environment'}),
    ('code without a class', code('TritonPythonModel = 3\n'), {'python-model'}),
    ('code for a later Python', code("x = f'{'a'}'\n" + MODEL), {'python-model'}),
    ('tabs and spaces', code('class TritonPythonModel:\n\tdef execute(self, r):\n        return []\n'), {'python-model'}),
    ('code nested deep', code('(' * 100000), {'python-model'}),
    ('code of many signs', code('x = ' + '-' * 100000 + '1\n' + MODEL), {'python-model'}),
    ('code with a NUL', code(b'x = 1\x00\n' + MODEL.encode()), {'python-model'}),
    ('code in another encoding', code(b'# coding: nonsense\n' + MODEL.encode()), {'python-model'}),
    ('code that is binary', code(bytes(range(256)) * 16), {'python-model'}),
    ('empty code', code(''), {'python-model'}),
]
