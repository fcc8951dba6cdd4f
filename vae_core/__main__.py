"""`python -m vae_core`: train, evaluate, encode, sample, interpolate, reconstruct from a shell."""

import sys

from vae_core.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
