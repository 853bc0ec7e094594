"""What a checkpoint says of its decoder, and why one is refused"""
