"""What commands and their arguments are called: in the help, in texts, and to a shell."""
