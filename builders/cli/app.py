"""The command line. It imports nothing heavy: each command loads what it needs."""

from __future__ import annotations

from builders.cli.build import build, parity, plan
from builders.cli.doctor import doctor
from builders.cli.graph import graph
from builders.cli.manifests import manifests
from builders.cli.new import new
from builders.cli.resources import resources
from builders.cli.run import run
from builders.cli.wrap import wrap
from repository.cli.app import add_commands, new_app
from repository.cli.naming.panels import BUILD, DEPLOY, SERVE
from runtime.machine.environment import REQUIREMENTS

app = new_app("Build, check and run Triton model repositories.")
app.command(
    rich_help_panel=BUILD,
    epilog="Examples: `python -m builders build` · "
    "`python -m builders build --profile mine.yaml --out /srv/models`",
)(build)
app.command(rich_help_panel=BUILD, epilog="Example: `python -m builders plan --profile demo`")(plan)
app.command(
    rich_help_panel=BUILD,
    epilog="Examples: `python -m builders parity ocr detector` · "
    "`python -m builders parity shapes classifier --family path:./shapes`",
)(parity)
app.command(
    rich_help_panel=BUILD,
    epilog="Examples: `python -m builders graph ocr --form svg > ocr.svg` · "
    "`python -m builders graph shapes --profile shapes.yaml`",
)(graph)
app.command(
    rich_help_panel=BUILD,
    epilog="Examples: `python -m builders wrap scorer.onnx --out scorer.yaml` · "
    "`python -m builders wrap ./llava --out eye.yaml`",
)(wrap)
app.command(
    rich_help_panel=BUILD,
    epilog="Examples: `python -m builders new shapes --at ../shapes` · "
    "`python -m builders new shapes --at builders`",
)(new)
add_commands(app, "python -m builders", image=REQUIREMENTS)
app.command(
    rich_help_panel=DEPLOY,
    epilog="Examples: `python -m builders resources --out patch.yaml` · "
    "`python -m builders resources --request ocr=scan.png --concurrency 8 --out patch.yaml`",
)(resources)
app.command(
    rich_help_panel=DEPLOY,
    epilog="Examples: `python -m builders manifests --values values.yaml | kubectl apply -f -` · "
    "`python -m builders manifests --values values.yaml --push oci:registry.example/bundle:1`",
)(manifests)
app.command(rich_help_panel=SERVE, epilog="Example: `python -m builders run ocr page.png`")(run)
app.command(rich_help_panel=SERVE, epilog="Example: `python -m builders doctor`")(doctor)
