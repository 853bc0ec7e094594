"""One reader of sound files for the client and, by copies, for the stages of a server."""
