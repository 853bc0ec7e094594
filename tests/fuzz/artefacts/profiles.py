"""Profiles: YAML that was changed, that is no YAML, and that names what it should not."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import mutate
from tests.fuzz.artefacts import odd
from tests.fuzz.artefacts.artefact import ROOT, Artefact
from tests.hostile.writing import sparse

WHOLE = """\
triton: "24.10"
device: cpu
precision: fp32
hub: false
bls: true
families:
  asr:
    sources: {parakeet: "demo:parakeet"}
    bounds: {word_error_rate: 0.5}
models:
  transcribe:
    precision: int8
    instances: {count: 2, kind: KIND_CPU}
    queue: {max_size: 10, timeout_microseconds: 5, timeout_action: REJECT}
    parameters: {intra_op_thread_count: 1, execution_mode: "0"}
  find_speech:
    instances: 2
    response_cache: true
"""

WORDS = (
    *("&a", "*a", "*b", "!!python/object/apply:os.system", "!!binary", "!!set", "!x", "<<:", "?"),
    *(
        "- ",
        "|",
        ">",
        "%YAML 9.9",
        "---",
        "...",
        "@",
        "`",
        "\t",
        "# x",
        "~",
        "null",
        ".nan",
        ".inf",
    ),
    *("0x10", "0o17", "1_000", "1:30", "2026-01-01", "yes", "off", "{", "}", "[", "]", ",", ":"),
    *('"\\x1b[2J"', '"\\ud800"', "'", '"', "[[[[", "{a: {b: {c: 1}}}", "\u202e", "\x1b", "\x00"),
    *("transcribe", "ocr", "asr", "KIND_GPU", "26.11", "int8", "gpu", "true", "models:", "é"),
)

URIS = (
    *(f"path:{each}" for each in odd.PATHS),
    *("path:/proc", "path:/sys", "path:/dev", "path:work", "path:profile.yaml", "path:checkpoint"),
    *("hub:a/b", "hub:a/b@main", "hub:../x@" + "0" * 40, "hub:a/b@" + "0" * 40, "hub:a@b@c"),
    *("package:nothere/x", "package:rapidocr/../x", "package:numpy/__init__.py", "package:"),
    *("package:torch/version.py", "demo:nothere", "demo:../..", "demo:asr/parakeet", "demo:/"),
    *("http://127.0.0.1/x", "file:///etc/passwd", "s3://a/b", "", ":", "path", "PATH:x", "é:x"),
)


@functools.cache
def texts() -> tuple[str, ...]:
    """Whole profiles."""
    shipped = sorted((ROOT / "builders/profiles").glob("*.yaml"))
    return (WHOLE, WHOLE, WHOLE, *(path.read_text() for path in shipped))


def _bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(lines)


def text(random: Random) -> bytes:
    """A profile that was changed."""
    made = random.choice(texts())
    way = random.randrange(14)
    if way < 5:
        made = odd.tokens_changed(random, made, WORDS)
    elif way < 7:
        family, component = random.choice((("asr", "parakeet"), ("asr", "vad"), ("asr", "whisper")))
        uri = json.dumps(random.choice(URIS))
        made = f'triton: "24.10"\nfamilies:\n  {family}:\n    sources: {{{component}: {uri}}}\n'
    elif way == 7:
        depth = random.choice((10, 49, 60, 5000, 100_000))
        opened, closed = random.choice((("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")))
        made += "deep: " + opened * depth + "x" + closed * depth
    elif way == 8:
        made += random.choice(
            (
                *(_bomb(), "x: &a [*a]", "a: &a {<<: *a}", "k: *nowhere", "? [a]\n: b"),
                *("triton: 1", "models: {transcribe: {instances: {count: 1 }}}", "\n---\na: 1"),
                *("models: &m\n  <<: *m\n", "é" * 200_000 + ": 1", "a: " + "9" * 100_000),
                "\n".join(f"k{n}: 1" for n in range(30_000)),
            )
        )
    elif way == 9:
        key = random.choice(("instances", "queue", "batching", "parameters", "precision", "x"))
        value = json.dumps(odd.value(random))
        made = f'triton: "24.10"\nfamilies: {{asr: }}\nmodels: {{transcribe: {{{key}: {value}}}}}\n'
    content = made.encode("utf-8", "surrogatepass")
    if way == 10:
        return random.choice((content.decode().encode("utf-16"), content.decode().encode("utf-32")))
    if way == 11:
        return content.replace(b"asr", b"a\xff\xfesr", 1)
    if way >= 12:
        return mutate.blindly(random, content)
    return content


OTHERS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "the process's memory": lambda path: path.symlink_to("/proc/self/mem"),
    "huge": sparse(1 << 40),
    "2 MiB of zeros": sparse(2 << 20),
}

NAMES = tuple(each for each in odd.PATHS if each and "\0" not in each)


def profile(random: Random) -> Artefact:
    """A profile for ``plan``."""
    command = ("builders", "plan", "--profile", "profile.yaml", "--out", "models")
    way = random.random()
    if way < 0.05:
        what = random.choice(sorted(OTHERS))
        put = OTHERS[what]
        return Artefact(
            f"a profile that is {what}", lambda folder: put(folder / "profile.yaml"), command
        )
    if way < 0.1:
        name = random.choice(NAMES)
        named = ("builders", "plan", f"--profile={name}", "--out", "models")
        return Artefact(f"the profile {name[:40]!a}", lambda folder: None, named)
    if way < 0.15:
        uri = random.choice([each for each in URIS if each != "demo:asr/parakeet"])
        uri = uri.replace("\0", "")
        family, export = random.choice((("asr", "acoustic"), ("ocr", "detector"), ("asr", "x")))
        parity = ("builders", "parity", family, export, f"--source={uri}")
        return Artefact(f"the source {uri[:40]!a}", lambda folder: None, parity)
    content = text(random)
    return Artefact(
        "a profile",
        lambda folder: (folder / "profile.yaml").write_bytes(content),
        command,
        content,
    )
