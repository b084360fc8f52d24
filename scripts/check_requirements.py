#!/usr/bin/env python3
"""Checks tests/requirements.tsv: 65 numbered requirements, each with a test that exists or a reason why not.

    check_requirements.py [ROOT]      prints offences and how many are held; exit 1 on an offence
"""
import re
import sys
from pathlib import Path

COUNT = 65


def offences(root, rows):
    if [row[0] for row in rows] != [str(number) for number in range(1, COUNT + 1)]:
        yield f"the numbers are not 1 to {COUNT} in order"
    for row in rows:
        if len(row) < 3 or not row[1]:
            yield f"{row[0]}: needs number, requirement, test"
        elif row[2] == "-":
            if len(row) < 4 or not row[3]:
                yield f"{row[0]}: no test and no reason"
        else:
            for test in row[2].split(";"):
                file, _, name = test.strip().partition("::")
                if not (root / file).is_file() or not re.search(rf"\b{name}\b", (root / file).read_text()):
                    yield f"{row[0]}: {test.strip()} does not exist"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    lines = (root / "tests/requirements.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]
    found = list(offences(root, rows))
    print("\n".join(found + [f"{sum(row[2] != '-' for row in rows)} of {COUNT} requirements are held by a test"]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
