"""How Sphinx makes the site of this folder: ``make docs``.

The pages are plain Markdown, which also reads well where they lie; so their order stands here and
not in them. The site asks the internet for nothing: its styles, scripts and search are its own.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from repository.manifest import VERSION  # noqa: E402

project = "triton-multimodal-kit"
version = release = VERSION
html_title = f"{project} {VERSION}"
project_copyright = ""

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_copy_source = False
html_show_sphinx = html_show_copyright = False
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

# Headings are linked as GitHub links them.
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_use_ivar = True
napoleon_numpy_docstring = False

CONTENTS = {
    "Start": (
        "quickstart",
        "install",
        "pipelines",
        "ocr",
        "asr",
        "asr-checkpoints",
        "vision",
        "text-embeddings",
        "decoder",
        "decoder-checkpoints",
        "decoder-remote",
        "decoder-tensorrt-llm",
        "vision-checkpoints",
        "gateway",
        "commands",
    ),
    "Build": ("your-own-onnx-model", "profiles", "add-a-family"),
    "Deliver": ("delivery", "security", "deploy/*"),
    "Measure": ("benchmarks",),
    "Understand": ("architecture", "structure", "limits", "glossary", "troubleshooting"),
    "Reference": ("api/*",),
}
"""The pages, in groups, in the order of the site's side; a star stands for what is left of a
folder, by name, its index first. A page that is not here comes last."""


_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<path>(?:\.\./)+[^)#]+\.md)(?:#[^)]*)?\)")


def _listed(pattern: str) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    folder = DOCS / pattern.removesuffix("/*")
    names = sorted(each.stem for each in folder.iterdir() if each.suffix in source_suffix)
    ordered = sorted(names, key=lambda name: name != "index")
    return [(folder / each).relative_to(DOCS).as_posix() for each in ordered]


def _changed(_: Sphinx, page: str, source: list[str]) -> None:
    """A page as the site has it: links out of this folder give the file, and the first page lists
    all others."""
    here = (DOCS / page).parent

    def given(link: re.Match[str]) -> str:
        if (here / link["path"]).resolve().is_relative_to(DOCS):
            return link[0]
        return f"{{download}}`{link['text'].replace('`', '')} <{link['path']}>`"

    source[0] = _LINK.sub(given, source[0])
    if page != "index":
        return
    groups = {
        caption: [name for pattern in patterns for name in _listed(pattern)]
        for caption, patterns in CONTENTS.items()
    }
    listed = {name for names in groups.values() for name in names}
    groups["More"] = [each for each in _listed("./*") if each not in {*listed, "index"}]
    for caption, names in groups.items():
        if names:
            pages = "\n".join(names)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"


def setup(app: Sphinx) -> None:
    """Changes pages as they are read."""
    app.connect("source-read", _changed)
