"""What runs in Triton: requests to prompts, prompts to tokens, tokens to text"""
