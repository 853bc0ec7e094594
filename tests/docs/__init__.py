"""The pages that people read: what they show is run, and where they lead is there."""
