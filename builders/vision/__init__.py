"""Vision: an image in, what a language model sees of it and its place among texts out"""
