"""The client of the OCR pipelines, and what it does with pages."""
