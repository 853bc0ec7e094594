"""The groups that a help shows commands in, in the order that they are shown."""

from __future__ import annotations

BUILD = "Build"
CHECK = "Check and move"
SERVE = "Serve"
ASK = "Ask"
DEPLOY = "Deploy"
MEASURE = "Measure"

PANELS = (BUILD, CHECK, SERVE, ASK, DEPLOY, MEASURE)
