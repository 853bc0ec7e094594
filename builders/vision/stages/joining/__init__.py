"""What the stage that joins tiles does with their embeddings"""
