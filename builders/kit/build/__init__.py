"""A build: its tasks, their cache, and what it says."""
