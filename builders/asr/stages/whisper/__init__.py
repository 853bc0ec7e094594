"""What the long-form stage does between calls of Whisper."""
