"""From models and exports to the files of a repository."""
