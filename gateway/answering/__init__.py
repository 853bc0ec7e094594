"""Answers in OpenAI's shape: whole, or as events of a stream"""
