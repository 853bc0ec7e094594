"""Engines of others that decode, each in a process of its own: how they are asked and answer."""
