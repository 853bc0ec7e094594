"""Where speech is in a sound, and the windows that are cut of it."""
