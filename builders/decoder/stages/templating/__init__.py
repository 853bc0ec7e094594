"""A checkpoint's chat template, and the bounds within which it runs."""
