"""What a repository needs of memory and processors."""
