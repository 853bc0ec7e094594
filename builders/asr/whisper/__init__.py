"""Whisper: its models in the graph, and a checkpoint to what they serve."""
