"""Puts real outputs into README.md and docs/: ``python -m perf.readme``.

Everything between ``<!-- output: name -->`` and ``<!-- end -->`` is written here: a build from
nothing, the client's answers for the sample page and the sample talk, the smoke test's table, and
what ``perf/results/`` holds. The pictures in ``docs/`` are drawn anew as well.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from perf.errors import PerfError
from perf.paths import RESULTS
from perf.pipelines import table
from repository.children import ending_with_parent
from repository.places import ROOT
from repository.usage.found import usages

ASKED = {
    "find": ("find", "three red circles", "--images", "clients/examples/scenes"),
    "ocr": ("ocr", "clients/examples/page.png", "--draw", "docs/ocr-page.png"),
    "asr": ("asr", "clients/examples/talk.wav"),
    "text_embed": ("ask", "text_embed", "clients/examples/sentences.txt"),
    "ask": ("ask", "What is there?", "--image", "clients/examples/scenes/square.png"),
    "generate": ("ask", "generate"),
}
"""Block of a page -> the command whose answer it holds; one draws a picture of the docs."""

CHAT = """\
/image clients/examples/scenes/circles.png
How many circles?
/new
/image clients/examples/scenes/word.png
Which word is written there?
"""
"""What is said to `chat`, whose answers the page on the decoder has."""

EYE = {
    "llava": "builders/vision/demo/vision",
    "siglip": "builders/vision/demo/vision_text",
    "photos": "clients/examples/scenes",
}
"""What the page on vision calls folders of the kit."""

TABLES = {
    "accuracy": "ocr_accuracy.md",
    "kinds": "ocr_kinds.md",
    "scores": "ocr_scores.md",
    "perf": "ocr.md",
    "asr-perf": "asr.md",
    "asr-whisper-perf": "asr_whisper.md",
    "vision-perf": "vision.md",
    "preprocess": "preprocess.md",
    "decoder-speed": "decoder/speed.md",
    "decoder-speed-demo": "decoder/speed_demo.md",
    "decoder-stalls": "decoder/stalls.md",
    "decoder-gateway": "decoder/gateway.md",
}
"""Block of a page -> the file that it holds, of one of the commands ``make bench…``."""


def main() -> None:
    """Runs the commands and rewrites the pages."""
    blocks = {**_ran(), **_recorded()}
    for path in pages():
        text = path.read_text(encoding="utf-8")
        for name in named(text):
            if name not in blocks:
                raise PerfError(
                    f"{path.relative_to(ROOT)}: expected a block of one of {', '.join(blocks)}, "
                    f"found '{name}'. Correct its name."
                )
            text = fill(text, name, blocks[name])
        path.write_text(text, encoding="utf-8")


def pages() -> list[Path]:
    """README.md and what lies below docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def named(text: str) -> list[str]:
    """The names of a page's blocks."""
    return re.findall(r"^<!-- output: (\S+) -->$", text, re.MULTILINE)


def _ran() -> dict[str, str]:
    """The blocks that commands write, which run now; the pictures in docs/ are drawn too."""
    from runtime.server.server import LocalServer

    with tempfile.TemporaryDirectory() as folder:
        building = ("build", "--quiet", "--out", f"{folder}/model_repository")
        built = _run("builders", *building, XDG_CACHE_HOME=folder, COLUMNS="100")
    built = re.sub(r"^/\S*/(?=model_repository)", "", built, flags=re.M)
    for name in usages().declared:
        picture = ROOT / "docs" / f"{name}.svg"
        if picture.is_file():
            drawn = ("graph", name, "--profile", "demo", "--form", "svg")
            picture.write_text(_run("builders", *drawn))
    with LocalServer(ROOT / "model_repository") as server:
        answers = {
            name: fenced(_run("clients", *asked, TRITON_GRPC=server.grpc))
            for name, asked in ASKED.items()
        }
        chatted = _run("clients", "chat", given=CHAT, TRITON_GRPC=server.grpc)
        smoked = _run("clients.smoke", f"http://{server.http}")
        fronted = _fronted(server.grpc)
    return {
        **_wrapped(),
        **_seen(),
        **fronted,
        "pipelines": table(ROOT / "model_repository"),
        **answers,
        "chat": fenced(chatted),
        "build": fenced(built),
        "build-scores": fenced(built.partition("\n\n")[2]),
        "smoke": fenced(smoked),
    }


def _fronted(grpc: str) -> dict[str, str]:
    """What the page on OpenAI's API shows: its own commands, asked of a gateway."""
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    chat, files = re.findall(r"^```bash\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "--triton", grpc, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=ending_with_parent(signal.SIGTERM),
    ) as gateway:
        assert gateway.stdout is not None
        found = re.search(r"//([^/]+)/v1", gateway.stdout.readline())
        assert found is not None

        def run(commands: str) -> str:
            commands = commands.replace("127.0.0.1:9000", found[1])
            shell = ["bash", "-euo", "pipefail", "-c", commands]
            done = subprocess.run(shell, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            return fenced(done.stdout)

        blocks = {"gateway-chat": run(chat), "gateway-files": run(files)}
        gateway.terminate()
    return blocks


def _wrapped() -> dict[str, str]:
    """What the page on ONNX files shows, of the model that it writes itself."""
    from runtime.server.server import LocalServer

    page = (ROOT / "docs" / "your-own-onnx-model.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    with tempfile.TemporaryDirectory() as folder:

        def run(*arguments: str, **variables: str) -> str:
            return _run("tmk", *arguments, cwd=Path(folder), COLUMNS="100", **variables)

        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
        understood = run("wrap", "scorer.onnx", "--out", "scorer.yaml")
        built = ("build", "--profile", "scorer.yaml", "--out", "scorer_repository", "--quiet")
        fresh = run(*built, XDG_CACHE_HOME=f"{folder}/cache")
        with LocalServer(Path(folder) / "scorer_repository") as server:
            one = ("infer", "scorer", "--input", "x=[[5.1, 3.5, 1.4, 0.2]]")
            answers = [run(*one, TRITON_GRPC=server.grpc)]
            two = ("infer", "scorer", "--random", "--shape", "x=2,4")
            answers.append(run(*two, TRITON_GRPC=server.grpc))
        return {
            "wrap": fenced(understood),
            "wrap-profile": fenced((Path(folder) / "scorer.yaml").read_text("utf-8"), "yaml"),
            "wrap-build": fenced(re.sub(r"^/\S*/(?=scorer_repository)", "", fresh, flags=re.M)),
            "wrap-infer": fenced("\n".join(answers)),
        }


def _seen() -> dict[str, str]:
    """What the page on vision shows, of the LLaVA that the kit ships."""
    from runtime.server.server import LocalServer

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, source in EYE.items():
            shutil.copytree(ROOT / source, place / name)
        (place / "photos" / "scenes.json").unlink()

        def run(*arguments: str, **variables: str) -> str:
            return _run("tmk", *arguments, cwd=place, COLUMNS="100", **variables)

        understood = run("wrap", "llava", "--out", "eye.yaml")
        with (place / "eye.yaml").open("a", encoding="utf-8") as profile:
            profile.write('    text: "path:siglip"\n')
        asked = ("--profile", "eye.yaml", "--out", "eye_repository")
        planned = run("plan", *asked, XDG_CACHE_HOME=f"{folder}/cache")
        built = run("build", *asked, "--quiet", XDG_CACHE_HOME=f"{folder}/cache")
        with LocalServer(place / "eye_repository") as server:
            answers = [
                run(*each, TRITON_GRPC=server.grpc)
                for each in (
                    ("infer", "vision", "--input", "image=photos/circles.png"),
                    ("find", "three red circles", "--images", "photos"),
                    ("similar", "photos/circles.png", "--images", "photos", "--top", "2"),
                )
            ]
        return {
            "eye-wrap": fenced(understood),
            "eye-profile": fenced((place / "eye.yaml").read_text("utf-8"), "yaml"),
            "eye-plan": fenced(planned),
            "eye-build": fenced(re.sub(r"^/\S*/(?=eye_repository)", "", built, flags=re.M)),
            "eye-ask": fenced("\n".join(answers)),
        }


def _recorded() -> dict[str, str]:
    """The blocks of figures, which lie in ``perf/results/``."""
    from perf.judge.ratios import markdown
    from perf.judge.verdict import verdict
    from perf.result import load

    blocks = {}
    for path in sorted(RESULTS.glob("*/result.json")):
        compared = load(path)
        blocks[f"compare-{path.parent.name}"] = f"> {verdict(compared)}\n\n{markdown(compared)}"
    for name, result in TABLES.items():
        if (RESULTS / result).is_file():
            blocks[name] = (RESULTS / result).read_text(encoding="utf-8")
    return blocks


def fill(text: str, name: str, content: str) -> str:
    """The text with a block's content replaced.

    Raises:
        PerfError: the text has no such block.
    """
    opening, closing = f"<!-- output: {name} -->\n", "<!-- end -->"
    before, found, rest = text.partition(opening)
    _, ended, after = rest.partition(closing)
    if not found or not ended:
        raise PerfError(f"expected a block '{opening.strip()} … {closing}', found none. Add it.")
    return f"{before}{opening}{content.rstrip()}\n{closing}{after}"


def fenced(output: str, language: str = "text") -> str:
    """A command's output as a block of code, without trailing blanks."""
    lines = "\n".join(line.rstrip() for line in output.rstrip().splitlines())
    return f"```{language}\n{lines}\n```"


def _run(module: str, *arguments: str, cwd: Path = ROOT, given: str = "", **variables: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        input=given,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=ending_with_parent(signal.SIGTERM),
    ).stdout


if __name__ == "__main__":
    main()
