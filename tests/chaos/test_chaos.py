"""The play of chaos.py as a test: 5 minutes, with sanitizers 1; FOVEA_CHAOS_MINUTES says otherwise."""
import os

import chaos
import pytest
from world import BIN

SANITIZED = bool(os.environ.get("FOVEA_SANITIZED"))
MINUTES = float(os.environ.get("FOVEA_CHAOS_MINUTES") or (1 if SANITIZED else 5))


@pytest.mark.timeout(MINUTES * 60 + 300)
def test_nothing_grows_nothing_sticks_every_frame_is_accounted_for(tmp_path):
    if not BIN.exists():
        pytest.skip(f"{BIN} is not built: make build")
    findings = chaos.run(MINUTES, seed=int(os.environ.get("FOVEA_CHAOS_SEED", "1")), folder=tmp_path)
    assert not findings, "\n".join(findings)
