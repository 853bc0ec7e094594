"""Small repositories that look built, for transfers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from repository import manifest as manifests
from repository.manifest.schema import digest_of

PLAIN = {
    "detect/config.pbtxt": b'name: "detect"\n',
    "detect/1/model.onnx": bytes(range(256)) * 700,
    "ocr/config.pbtxt": b'name: "ocr"\n',
    "ocr/1/README": b"an ensemble keeps nothing here\n",
    "recognise/config.pbtxt": b'name: "recognise"\n',
    "recognise/1/gr\u00f6\u00dfe \u65e5\u672c+50%&#?.txt": b"hostile to URLs\n",
}


def write_repository(folder: Path, files: dict[str, bytes]) -> Path:
    """A repository with these files and the manifest that a build would write for them."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    models = sorted({name.partition("/")[0] for name in files})
    document = {
        "schema": 1,
        "kit": {"name": manifests.KIT, "version": manifests.VERSION},
        "target": {"triton": "24.10", "device": "cpu", "precision": "fp32"},
        "profile": {},
        "families": {},
        "exports": {},
        "models": {model: {"kind": "onnx"} for model in models},
        "metrics": [],
        "tools": {},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
        "times": {},
    }
    document["digest"] = digest_of(document)
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder
