"""Where things lie in a model repository."""

VERSION = "1"
"""The version folder that a build writes."""
