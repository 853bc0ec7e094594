"""A model's config: its text, and every question asked of it."""
