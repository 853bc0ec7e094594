"""A build: its phases from a profile to a repository that is swapped in, and its dry run."""
