"""What a profile says of single engines: the keys below ``families.decoder.<engine>``."""
