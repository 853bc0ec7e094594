"""The slices into which MIG cuts a GPU, by the GPU's type.

Source: NVIDIA/gpu-operator v26.7.0, assets/state-mig-manager/0400_configmap.yaml, with its comments
on which GPUs a profile is for. Profiles with media extensions (``+me``) are left out: one a GPU.
"""

from __future__ import annotations

SLICES: dict[str, tuple[str, ...]] = {
    "a30-24gb": ("1g.6gb", "2g.12gb", "4g.24gb"),
    "a100-40gb": ("1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"),
    "a100-80gb": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    "h100-80gb": ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"),
    "h100-nvl": ("1g.12gb", "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb"),
    "h100-96gb": ("1g.12gb", "1g.24gb", "2g.24gb", "3g.48gb", "4g.48gb", "7g.96gb"),
    "gh200-96gb": ("1g.12gb", "1g.24gb", "2g.24gb", "3g.48gb", "4g.48gb", "7g.96gb"),
    "gh200-144gb": ("1g.18gb", "1g.36gb", "2g.36gb", "3g.72gb", "4g.72gb", "7g.144gb"),
    "h200-141gb": ("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"),
    "b200": ("1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb"),
}
"""A type as values files name it -> the names of its slices, smallest first."""
