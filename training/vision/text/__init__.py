"""What is said and asked of a scene, and its tokens."""
