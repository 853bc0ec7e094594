"""Requests in OpenAI's shape, read strictly: what is not supported is refused by its name"""
