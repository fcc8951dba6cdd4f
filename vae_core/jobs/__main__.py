"""`python -m vae_core.jobs DIRECTORY`: the child that `start` begins."""

import sys
from pathlib import Path

from vae_core.jobs.child import main

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
