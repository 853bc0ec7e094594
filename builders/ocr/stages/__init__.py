"""The Python-backend stages of OCR, and the modules that they import."""
