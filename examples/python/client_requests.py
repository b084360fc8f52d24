"""One picture to a fovea server, and what the server says of itself.

    python client_requests.py street.jpg --url http://127.0.0.1:8440
"""
import argparse
import sys

from fovea.client import ClientError, Server

words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
words.add_argument("picture")
words.add_argument("--url", default="http://127.0.0.1:8440", help="as `fovea serve` prints it, with its token")
words.add_argument("--ca", help="ca.crt of a server started with --lan")
given = words.parse_args()

try:
    with Server(given.url, ca=given.ca) as server:
        answer = server.process_frame(given.picture, max_latency_ms=200)
        for found in answer.annotations:
            print(f"{found['class']:<16} {found['confidence']:.2f}  {' '.join(f'{side:.0f}' for side in found['box'])}")
        kept = "within" if answer.meets_latency_requirement else "beyond"
        print(f"{len(answer.annotations)} found in {answer.total_time_ms:.1f} ms, {kept} 200 ms")
        stats = server.stats()
        print(f"fovea {server.version()}: {stats['total_frames']} frames, p95 {stats['p95_latency_ms']:.1f} ms")
except ClientError as error:
    sys.exit(str(error))
