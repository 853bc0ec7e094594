"""The network, the corpus that it learns from, and the training."""
