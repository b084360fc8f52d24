"""client.py camera|viewer PORT ROOM: a client that can be stopped and killed. A camera writes a dot before each picture."""
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from realtime import metadata, picture  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

role, port, room = sys.argv[1:]
with connect(f"ws://127.0.0.1:{port}/ws/{'camera' if role == 'camera' else 'view'}/{room}", max_size=None, proxy=None,
             compression=None) as ws:
    body, number = picture(640, 480), 0
    while True:
        if role == "camera":
            sys.stdout.write(".")
            sys.stdout.flush()
            ws.send(json.dumps(metadata(number, 640, 480)))
            ws.send(body)
            number += 1
            time.sleep(0.1)
        else:
            ws.recv()
