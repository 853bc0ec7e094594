"""Rules on the files in models' folders."""
