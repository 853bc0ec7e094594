"""llama.cpp's own quantisation: ``python -m perf.against.llamacpp.quantise FROM TO``.

Every matrix in Q4_0, the output's too, as ours has it: llama.cpp would by default keep that one in
8 bits, which is slower. Its other kinds of 4 bits do not fit sizes that 256 does not divide. Runs
in llama.cpp's environment.
"""

from __future__ import annotations

import sys

import llama_cpp as llama


def main(source: str, target: str) -> int:
    """Writes the quantised file; 0 if that went well."""
    llama.llama_backend_init()
    options = llama.llama_model_quantize_default_params()
    options.ftype = llama.LLAMA_FTYPE_MOSTLY_Q4_0
    options.pure = True
    return int(llama.llama_model_quantize(source.encode(), target.encode(), options))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
