"""The process between this one and Triton, and what a server owns on this machine."""
