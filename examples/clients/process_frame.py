#!/usr/bin/env python3
"""One picture to fovea, its detections on the screen. Needs: pip install requests

    process_frame.py street.jpg [--url http://127.0.0.1:8440] [--token TOKEN] [--max-latency-ms 200]
"""
import argparse
import sys

import requests


def main():
    parser = argparse.ArgumentParser(description="one picture to fovea, its detections on the screen")
    parser.add_argument("picture")
    parser.add_argument("--url", default="http://127.0.0.1:8440")
    parser.add_argument("--token", help="push or admin token; not needed on loopback")
    parser.add_argument("--max-latency-ms", type=float, default=200)
    parser.add_argument("--ca", help="ca.crt of a server started with --lan")
    options = parser.parse_args()

    with open(options.picture, "rb") as file:
        answer = requests.post(options.url + "/api/v1/realtime/video/process-frame",
                               files={"file": file}, data={"max_latency_ms": options.max_latency_ms},
                               headers={"Authorization": f"Bearer {options.token}"} if options.token else {},
                               verify=options.ca or True, timeout=30)
    if answer.status_code != 200:
        problem = answer.json()  # RFC 9457: code for programs, detail for people
        sys.exit(f"{answer.status_code} {problem['code']}: {problem.get('detail', problem['title'])}")

    result = answer.json()
    for found in result["annotations"]:
        left, top, right, bottom = found["box"]
        print(f"{found['class']:<16} {found['confidence']:.2f}  {left:.0f},{top:.0f} {right:.0f},{bottom:.0f}")
    kept = "within" if result["meets_latency_requirement"] else "beyond"
    print(f"{len(result['annotations'])} found in {result['total_time_ms']:.1f} ms, {kept} {options.max_latency_ms:g} ms")


if __name__ == "__main__":
    main()
