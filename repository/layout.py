"""Where things lie in a model repository, and what they are called."""

VERSION = "1"
"""The version folder that a build writes."""

BLS_SUFFIX = "_bls"
"""What the name of a pipeline's BLS model adds to that of its ensemble."""

FUSED_SUFFIX = "_fused"
"""What the name of an ensemble of fused models adds to that of the plain one beside it."""


def pipeline_of(name: str) -> str:
    """The pipeline of which a model is another form, by its name; otherwise its own name."""
    return name.removesuffix(BLS_SUFFIX).removesuffix(FUSED_SUFFIX)
