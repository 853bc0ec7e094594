"""Speech recognition: sound in, time-stamped text out."""
