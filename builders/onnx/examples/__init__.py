"""What a made file is compared on: inputs from the shapes of its source, or a user's own"""
