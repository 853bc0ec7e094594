"""A sentence-embedding checkpoint as it is: its encoder, and what makes a vector of its answers."""
