"""Optical character recognition with PP-OCR models."""
