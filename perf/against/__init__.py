"""The pipelines against other software: one folder a rival, and the pages that they read."""
