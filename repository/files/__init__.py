"""Files that a stranger may have written, read within bounds; files written whole or not at all."""
