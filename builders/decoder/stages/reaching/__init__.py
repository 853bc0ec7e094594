"""How a server that decodes elsewhere is reached: HTTP, events, attempts, time limits."""
