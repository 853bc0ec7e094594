"""Decoders of random weights, for speed alone."""
