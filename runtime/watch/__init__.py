"""What keeps a server answering: stubs are replaced, and a server that died is started again."""
