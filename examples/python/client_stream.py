"""A camera, a file or moving shapes to a fovea server, live: pictures that there is no room for are left out here.

    python client_stream.py --source clip.mp4 --url http://127.0.0.1:8440
"""
import argparse
import sys
import threading
from collections import Counter

from fovea.client import ClientError, Rules, Server
from fovea.realtime import AsyncVideoReader

words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
words.add_argument("--source", default="pattern:frames=60")
words.add_argument("--url", default="http://127.0.0.1:8440")
given = words.parse_args()
kinds = Counter()


def take(stream):
    for answer in stream:  # each frame that was sent has exactly one, also when the server is started again
        kinds[answer.reason or answer.kind] += 1
        if answer.ok:
            names = ", ".join(found["class"] for found in answer.annotations) or "nothing"
            print(f"Frame {answer.tag}: {names}, {answer.round_trip_ms:.1f} ms")


try:
    with Server(given.url) as server, server.stream(max_latency_ms=200, rules=Rules(window=4)) as stream:
        reader = threading.Thread(target=take, args=(stream,))
        reader.start()
        with AsyncVideoReader(given.source) as video:
            for frame_data in video:
                if stream.offer(frame_data.frame, tag=frame_data.frame_idx) is None:
                    kinds["left out here"] += 1
        stream.finish()
        reader.join()
except ClientError as error:
    sys.exit(str(error))
print(", ".join(f"{count} {kind}" for kind, count in kinds.items()))
