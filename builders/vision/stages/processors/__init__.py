"""A checkpoint's image processor in numpy and Pillow: pure functions of pixels and settings"""
