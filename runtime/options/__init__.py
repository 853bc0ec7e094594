"""What a server is started with, each checked before the start: addresses, ports, keys, models."""
