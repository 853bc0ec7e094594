"""A typed client of the served pipelines, and its command line."""
