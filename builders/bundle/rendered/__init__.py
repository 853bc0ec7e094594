"""Rules that hold of rendered manifests, and the command that `make render` asks."""
