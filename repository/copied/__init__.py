"""What is copied into repositories, and runs in Triton's interpreter.

Python 3.10's language, numpy and the standard library.
"""
