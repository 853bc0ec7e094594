"""The pipelines of the family vision: images found by text, and by other images."""
