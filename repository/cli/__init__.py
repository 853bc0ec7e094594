"""The commands of `repository`."""
