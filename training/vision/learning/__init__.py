"""The networks, and the two stages of their training."""
