# ruff: noqa: E501 -- one line a case
"""Names of models, of what belongs to them, and of versions."""

from __future__ import annotations

from tests.hostile.writing import (
    CONFIG,
    Case,
    model,
    more,
    named,
    onnx,
    onnx_model,
    with_model,
)

SHELL = {"shell-name"}
ASCII = {"ascii-name"}

# fmt: off
CASES: list[Case] = [
    ('sound', model, set()),
    ('sound onnx', onnx(), set()),
    ('name with a space', named('my model'), SHELL),
    ('name with an apostrophe', named("it's"), SHELL),
    ('name with quotes', named('a"b'), SHELL),
    ('name with an ampersand', named('a&b'), SHELL),
    ('name with a semicolon', named('a;b'), SHELL),
    ('name with a variable', named('a$HOME'), SHELL),
    ('name with a command', named('a$(true)'), SHELL),
    ('name with backticks', named('a`b`'), SHELL),
    ('name with parentheses', named('a(b)'), SHELL),
    ('name with a newline', named('a\nb'), SHELL),
    ('name with a tab', named('a\tb'), SHELL),
    ('name with a pipe', named('a|b'), SHELL),
    ('name with a backslash', named('a\\b'), SHELL),
    ('name that is a comment', named('#a'), SHELL),
    ('name with braces', named('a{b,c}'), SHELL),
    ('onnx name with a space', lambda folder: onnx_model(folder, name='my net'), SHELL),
    ('name outside ASCII', named('modèle'), ASCII),
    ('onnx name outside ASCII', lambda folder: onnx_model(folder, name='rés'), ASCII),
    ('file name outside ASCII', lambda folder: (model(folder, text=CONFIG + 'default_model_filename: "modèle.py"') / 'model.py').rename(folder / 'm' / '1' / 'modèle.py'), ASCII),
    ("instance group's name outside ASCII", more('instance_group { count: 1 kind: KIND_CPU name: "é" }'), set()),
    ('a file outside ASCII beside the code', with_model(lambda folder: (folder / '1' / 'donnée').touch()), set()),
    ('name with a dash in front', named('--help'), set()),
    ('name with a percent sign', named('a%20b'), set()),
    ('name of dots', named('a..b'), set()),
    ('hidden name', named('.a'), set()),
    ('long name', named('a' * 200), set()),
    ("instance group's name", more('instance_group { count: 1 kind: KIND_CPU name: "a b" }'), SHELL),
    ("instance group's command", more('instance_group { count: 1 kind: KIND_CPU name: "a;true" }'), SHELL),
    ('file name with a space', lambda folder: (model(folder, text=CONFIG + 'default_model_filename: "my model.py"') / 'model.py').rename(folder / 'm' / '1' / 'my model.py'), SHELL),
    ('version 0', with_model(lambda folder: (folder / '1').rename(folder / '0')), set()),
    ('version of 19 digits', with_model(lambda folder: (folder / '1').rename(folder / ('9' * 19))), {'version-name', 'no-version'}),
    ('version with a plus', with_model(lambda folder: (folder / '1').rename(folder / '+1')), {'version-name'}),
    ('version with a space', with_model(lambda folder: (folder / '1').rename(folder / ' 1')), {'version-name'}),
    ('version in Arabic digits', with_model(lambda folder: (folder / '1').rename(folder / '\u0661')), {'no-version'}),
    ('hexadecimal version', with_model(lambda folder: (folder / '1').rename(folder / '0x1')), {'no-version'}),
    ('a thousand versions asked for', more('version_policy { latest { num_versions: 1000 } }'), set()),
    ('the largest number of versions', more('version_policy { latest { num_versions: 4294967295 } }'), set()),
    ('a negative version', more('version_policy { specific { versions: -1 } }'), {'no-version'}),
]
