"""What ``runtime serve`` reads before a server starts: configs, names, options, others' state."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz.artefacts import odd
from tests.fuzz.artefacts.artefact import Artefact
from tests.fuzz.artefacts.manifests import OTHER_FILES
from tests.fuzz.artefacts.repositories import config_text, escaped, toy
from tests.hostile.repositories import repositories
from tests.hostile.writing import CONFIG, ensemble, model, named, parameter, step


def _calls(names: str) -> str:
    return CONFIG + parameter("calls", escaped(names))


def _long_chain(folder: Path) -> None:
    for number in range(1500):
        (folder / f"m{number}").mkdir()
        (folder / f"m{number}" / "config.pbtxt").write_text(_calls(f"m{number + 1}"))
    model(folder, "m1500")


def _repository(random: Random) -> tuple[str, Callable[[Path], object], bytes]:
    way = random.randrange(8)
    if way == 0:
        hostile = random.choice(list(repositories()))
        return hostile.name, hostile.make, b""
    if way == 1:
        what = random.choice(sorted(OTHER_FILES))

        def other(folder: Path) -> None:
            model(folder)
            (folder / "m" / "config.pbtxt").unlink()
            OTHER_FILES[what](folder / "m" / "config.pbtxt")

        return f"a config that is {what}", other, b""
    if way == 2:
        names = ",".join(random.choice((*odd.PATHS, *odd.TEXTS, "m", "n")) for _ in range(3))
        return "calls of odd models", lambda folder: model(folder, text=_calls(names)), b""
    if way == 3:
        steps = step(escaped(random.choice((*odd.PATHS, *odd.TEXTS))), "x", "y")
        return "steps of odd models", lambda folder: ensemble(folder, "e", steps), b""
    if way == 4 and random.random() < 0.4:
        return "a chain of 1500 calls", _long_chain, b""
    if way == 4:
        folders = [each for each in odd.PATHS if each.strip("./") and "/" not in each]
        name = random.choice([each for each in folders if len(each) < 200])
        return f"a model {name!a}", named(name), b""
    if way == 5:
        pad = random.choice(("\n", " \n", "#", "# \n", 'key: "calls" ', "model_name:", '"'))
        content = (CONFIG + pad * random.choice((1000, 100_000, 1_000_000))).encode()
    elif way == 6:
        content = config_text(random, _calls("n"))
    else:
        return toy(random)

    def changed(folder: Path) -> None:
        model(folder)
        (folder / "m" / "config.pbtxt").write_bytes(content)

    return "a config for serve", changed, content


OPTIONS: tuple[tuple[str, ...], ...] = (
    ("--host", "127.0.0.1"), ("--host", ""), ("--host", "[::1"), ("--host", "0x7f.1"),
    ("--host", "::1"), ("--host", "fe80::1"), ("--host", "\x1b[2J"), ("--host", "x" * 300),
    ("--host", "é"), ("--host", "127.0.0.1:80"), ("--host", "a..b"), ("--host", "-"),
    ("--http-port", "70000"), ("--http-port", "-1"), ("--http-port", "x"),
    ("--exit-seconds", "nan"), ("--exit-seconds", "inf"), ("--exit-seconds", "1e300"),
    ("--exit-seconds", "-1"), ("--probe-seconds", "inf"), ("--probe-seconds", "nan"),
    ("--hang-seconds", "nan"), ("--restarts", "9" * 30), ("--grpc-message-bytes", "0"),
    ("--grpc-message-bytes", "9" * 20), ("--runtime-metrics-port", "-5"), ("--log", "x"),
    ("--open", "trace"), ("--open", "all"), ("--open", ""), ("--engine", "x"), ("--image", "x"),
    ("--model", ""), ("--model", "*"), ("--model", "m*"), ("--model", "../secret.txt"),
    ("--model", "m"), ("--model", "\x1b[2J"), ("--model", "x" * 5000), ("--model", "/etc"),
    ("--model", "a\nb"), ("--model", "é"), ("--model", "."), ("--no-heal",), ("--nothere",),
)  # fmt: skip
PASSED = (
    *("--", "--http-restricted-api=trace:k=v", "--allow-sagemaker=true", "--allow-vertex-ai", "x"),
    *("--log-verbose=9", "--model-repository=/etc", "=", "", "--grpc-restricted-protocol="),
)
ENGINES = (
    (),
    (),
    ("--engine", "docker", "--dry-run"),
    ("--engine", "podman", "--dry-run", "--image", "a b"),
)


def _state(random: Random) -> Callable[[Path], object]:
    """Something among the folders of other servers."""
    name = random.choice(("*", "0123abcd", "[0-9]*", "a b", "?", "-", "\x1b", "é", "x" * 100))
    kind = random.choice(("folder", "pipe", "file", "link"))

    def put(run: Path) -> None:
        run.mkdir(mode=0o700)
        if kind == "folder":
            (run / name).mkdir()
            (run / name / "command.json").write_text("[" * 100_000)
        elif kind == "pipe":
            os.mkfifo(run / name)
        elif kind == "link":
            (run / name).symlink_to("..")
        else:
            (run / name).write_text("x")

    return put


def serve(random: Random) -> Artefact:
    """``runtime serve`` with a repository or options that are odd, up to its server's start."""
    what, make, content = _repository(random)
    options: list[str] = []
    ports = ("--http-port", "0", "--grpc-port", "0", "--metrics-port", "0")
    engine = random.choice(ENGINES)
    if not engine:
        options += ports
    for _ in range(random.choice((0, 0, 1, 2))):
        options += random.choice(OPTIONS)
    if random.random() < 0.2:
        options += ["--", random.choice(PASSED)]
    state = _state(random) if random.random() < 0.3 else None

    def write(folder: Path) -> None:
        (folder / "models").mkdir()
        make(folder / "models")
        others = folder.parent / "shm" / "triton_kit_99999999_x"
        others.touch()
        (folder.parent / "temporary" / "tk99999999_x").mkdir()
        if state is not None:
            state(folder.parent / "run" / "triton-kit")

    command = ("runtime", "serve", "models", "--no-verify", *engine, *options)
    return Artefact(
        f"serve: {what} {' '.join(options)[:60]!a}", write, command, content, alone=False
    )
