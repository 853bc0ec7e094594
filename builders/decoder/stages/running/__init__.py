"""What runs requests together: the graph with its cache, its slots, and the scheduler."""
