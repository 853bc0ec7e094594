"""Decoders: a prompt and embeddings of images to text, piece by piece"""
