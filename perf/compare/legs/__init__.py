"""The ways to serve a pipeline: what each starts, and what a request to it is."""
