"""What stands around every route: keys, bounds, errors, counts"""
