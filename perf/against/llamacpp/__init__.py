"""llama.cpp: its environment, its own converter, and how it decodes."""
