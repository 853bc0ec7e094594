"""How far the toy is from doubling and adding one."""

import numpy as np


def error(run):
    x = np.array([1, 2, 3], np.float32)
    return float(np.abs(run({"x": x})["y"] - (2 * x + 1)).max())
