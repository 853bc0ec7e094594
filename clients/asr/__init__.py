"""The client of the speech pipelines, and what it does with sounds."""
