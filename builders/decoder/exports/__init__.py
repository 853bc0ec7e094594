"""A checkpoint made into the files that the local engine runs"""
