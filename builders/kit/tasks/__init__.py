"""Tasks: what decides a result, the cache that keeps it, and how one is run."""
