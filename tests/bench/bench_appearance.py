#!/usr/bin/env python3
"""Runs bench_appearance with the re-identification model and the pictures of the test data; 77 without them."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FOVEA_TEST_DATA", ROOT.parent / "shared/data"))
MODEL = DATA / "models/reid_retail_0288.onnx"
FOLDERS = sorted((DATA / "tracking/MOT17-mini").glob("MOT17-*"),
                 key=lambda folder: folder.name != "MOT17-04-FRCNN")  # the fullest one first: what is measured

if not MODEL.exists() or not FOLDERS:
    print(f"{MODEL} or the pictures of MOT17-mini are not there", file=sys.stderr)
    sys.exit(77)
sys.exit(subprocess.run([sys.argv[1], str(MODEL), *map(str, FOLDERS)], check=False).returncode)
