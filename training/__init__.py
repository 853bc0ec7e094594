"""What trains the checkpoints that the project ships; nothing that builds or serves imports it."""
