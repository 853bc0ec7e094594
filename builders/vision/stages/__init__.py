"""The Python-backend stages of vision, and the modules that they import"""
