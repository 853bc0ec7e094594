"""The Python-backend stages: Triton runs them, with numpy and without torch."""
