"""A Parakeet CTC checkpoint to what the pipelines serve of it."""
