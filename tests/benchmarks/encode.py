"""All 737,280 sprites encoded from a shell, with an empty home: time, speed and memory.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.encode [--model sprites-10d] [--dataset sprites]

The memory is what the process took at its fullest, above an interpreter that has imported torch.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 1.5  # GiB
GIB = 2**20  # of kB, in which Linux counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="sprites-10d")
    parser.add_argument("--dataset", default="sprites")
    parser.add_argument("--split", default="all")
    chosen = parser.parse_args()
    _, bare = measured([sys.executable, "-c", "import torch"], {})
    with tempfile.TemporaryDirectory() as home:
        out = Path(home) / "latents"
        command = [sys.executable, "-m", "vae_core", "encode", "--model", chosen.model]
        command += ["--dataset", chosen.dataset, "--split", chosen.split, "--out", str(out)]
        seconds, peak = measured(command, {"LATENT_EXPLORER_HOME": home})
        count = json.loads((out / "meta.json").read_text())["images"]
    above = (peak - bare) / GIB
    print(f"{count:,} images in {seconds:.0f} s: {count / seconds:,.0f} a second")
    verdict = "ok" if above <= GOAL else "MISS"
    print(f"peak {above:.2f} GiB above torch's own {bare / GIB:.2f} (goal {GOAL}): {verdict}")


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, int]:
    """Seconds that a command took, and its largest resident memory in kB."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    return time.monotonic() - began, usage.ru_maxrss


if __name__ == "__main__":
    main()
