"""PP-OCR checkpoints: what they take and give, whatever their layout."""
