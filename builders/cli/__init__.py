"""The commands of `builders`."""
