"""What a stranger's file or folder is, and the profile that serves it."""
