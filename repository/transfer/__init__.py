"""Carries a repository to where it is served: a folder, a bucket, a claim, a registry, and back."""
