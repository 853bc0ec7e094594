"""Sentence embeddings: texts in, a vector for each out."""
