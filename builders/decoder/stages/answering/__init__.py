"""A request on its way through the local engine: images seen, and tokens told as text"""
