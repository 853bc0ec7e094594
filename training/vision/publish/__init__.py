"""From the weights to what is shipped: measured, described, hashed."""
