"""Rules on ensembles and what joins their steps."""
