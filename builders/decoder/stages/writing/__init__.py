"""Tokens to text: whole characters, and stop texts"""
