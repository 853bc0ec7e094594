"""Speech against transformers: speed and memory, of Parakeet and of Whisper."""
