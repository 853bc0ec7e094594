"""A checkpoint's own image processor: what its settings mean, and what it makes of an image"""
