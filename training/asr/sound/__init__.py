"""How it sounds: voices, synthesis, rooms and noise, and log-mel features."""
