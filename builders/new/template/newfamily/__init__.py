"""Tells circles, squares and triangles apart in an image."""
