"""OCR against RapidOCR: speed, errors on rendered pages and on page kinds, scores."""
