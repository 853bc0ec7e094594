"""A deployed Triton over HTTP: its pipelines' known questions, and how each one does."""
