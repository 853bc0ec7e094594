"""What a scene holds, and how it is drawn."""
