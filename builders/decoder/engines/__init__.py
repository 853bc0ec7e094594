"""Who decodes: an engine of ours, or another server behind the same contract"""
