"""The acoustic model's answers read: greedily or by beam search, with words and their times."""
