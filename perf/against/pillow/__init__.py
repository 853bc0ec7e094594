"""The preprocessing of the eye against the same operations in Pillow and numpy alone."""
