"""What a checkpoint's folder says of its eye, read without torch; what is not served, refused"""
