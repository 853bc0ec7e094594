"""What the recogniser read: its text, which of two readings counts, and their order."""
