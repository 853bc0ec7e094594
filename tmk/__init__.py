"""The command `tmk`: every command of the house, in one program."""
