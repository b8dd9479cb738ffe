"""Tests of the studio; torch's threads wait asleep, not in a loop that keeps a core busy."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported
