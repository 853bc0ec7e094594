"""Records what a real server does with each shape: ``python -m tests.agreement [NAME …]``.

With names, or beginnings of names, it runs those shapes alone and keeps what it knows of the rest.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from repository.check.files.completed import Target
from runtime.machine.install import install
from tests.agreement.corpus import SHAPES
from tests.agreement.judging import RECORDED, foretold, found, judge, recorded, write

chosen = sorted(shape for shape in SHAPES if shape.startswith(tuple(sys.argv[1:] or [""])))
verdicts = {shape: each for shape, each in recorded().items() if shape in SHAPES}
differing = 0
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for target in Target:
        for shape, verdict, said in judge(target, folder, install(), chosen):
            verdicts.setdefault(shape, {})[target] = verdict
            write(shape, folder / f"{target}-{shape}")
            findings = found(folder / f"{target}-{shape}", target)
            if foretold(findings) != verdict:
                differing += 1
                print(f"{shape}, {target}: the server {verdict}. {said}", *findings, sep="\n  ")
RECORDED.write_text(json.dumps(verdicts, indent=1, sort_keys=True) + "\n")
print(f"{len(chosen)} shapes recorded in {RECORDED.name}; of {differing} the check says otherwise")
