"""What a user adds of their own: inputs to compare on, and a metric"""
