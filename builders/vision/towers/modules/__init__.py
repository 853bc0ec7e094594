"""Towers and projectors as torch modules whose graphs keep the batch dynamic"""
