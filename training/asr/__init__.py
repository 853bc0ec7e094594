"""The small Parakeet of ``demo:parakeet``: its sentences, its synthesised speech, its training."""
