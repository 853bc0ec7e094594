"""``python -m runtime serve``: on this machine, or in a container."""
