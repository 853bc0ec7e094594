"""Where things lie in a model repository, and what they are called."""

VERSION = "1"
"""The version folder that a build writes."""

BLS_SUFFIX = "_bls"
"""What the name of a pipeline's BLS model adds to that of its ensemble."""
