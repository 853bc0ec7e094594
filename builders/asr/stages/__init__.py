"""The Python-backend stages of speech recognition."""
