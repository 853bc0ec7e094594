"""Requests to prompts: what is asked, the chat template, and the tokens of the prompt"""
