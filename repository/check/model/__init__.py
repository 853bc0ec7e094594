"""Rules on one model's config."""
