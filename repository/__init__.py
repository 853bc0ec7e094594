"""A finished model repository as a thing: read, checked, verified, signed, listed, moved."""
