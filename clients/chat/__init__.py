"""The client of decoders: an answer as it comes, and what was said before it"""
