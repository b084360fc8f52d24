"""A small server of the Open Inference Protocol with binary tensors: a real model by OpenVINO, and one that misbehaves.

    oip_server.py MODEL.onnx [PORT]      prints its address

The model's name in the address chooses what is served: `model` is the file; `model~FAULT` the same with one of FAULTS.
Without a file, `model` is a stand-in that finds nothing: an input u8[1,32,32,3] and two outputs like an SSD's.
"""
from __future__ import annotations

import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

LENGTH = "Inference-Header-Content-Length"
DATATYPES = {"f32": "FP32", "f16": "FP16", "u8": "UINT8", "i8": "INT8", "i32": "INT32", "i64": "INT64"}
NUMPY = {"FP32": np.float32, "FP16": np.float16, "UINT8": np.uint8, "INT8": np.int8, "INT32": np.int32, "INT64": np.int64}
NAMES = {np.dtype(kind): name for name, kind in NUMPY.items()}


class StandIn:
    """Boxes [1,16,4] and scores [1,16,3]: one box of the brightest class, by the mean of the picture."""
    labels = "background dark bright"

    def description(self, fault):
        side = -1 if fault == "open" else 32
        return {"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, side, side, 3]}],
                "outputs": [{"name": "boxes", "datatype": "FP32", "shape": [-1 if fault == "open" else 1, 16, 4]},
                            {"name": "scores", "datatype": "FP32", "shape": [1, -1 if fault == "open" else 16, 3]}]}

    def run(self, inputs):
        boxes, scores = np.zeros((1, 16, 4), np.float32), np.zeros((1, 16, 3), np.float32)
        boxes[0, 0] = [0.25, 0.25, 0.75, 0.75]
        scores[0, 0, 1 + int(inputs["image"].mean() > 127)] = 0.9
        return {"boxes": boxes, "scores": scores}


class Served:
    """A file, run by OpenVINO in f32 as `--exact` runs it."""
    labels = None

    def __init__(self, path):
        import openvino as ov
        core = ov.Core()
        self.model = core.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
        self.spent = []  # seconds of each run, to be compared with what a client sees

    def description(self, fault):
        def port(p):
            return {"name": p.get_any_name(), "datatype": DATATYPES[p.get_element_type().get_type_name()], "shape": list(p.shape)}
        return {"inputs": [port(p) for p in self.model.inputs], "outputs": [port(p) for p in self.model.outputs]}

    def run(self, inputs):
        start = time.perf_counter()
        results = self.model(inputs)
        self.spent.append(time.perf_counter() - start)
        return {port.get_any_name(): value for port, value in results.items()}


def reply_of(request, outputs):
    """(JSON as a dict, binary part)"""
    order = [one["name"] for one in request["outputs"]]
    listed = [{"name": name, "datatype": NAMES[outputs[name].dtype], "shape": list(outputs[name].shape),
               "parameters": {"binary_data_size": outputs[name].nbytes}} for name in order]
    head = {"model_name": "model", "model_version": "1", "id": request["id"], "outputs": listed}
    return head, b"".join(outputs[name].tobytes() for name in order)


def spoil(fault, head, binary):
    """What a fault makes of a right reply: (status, JSON as bytes, binary part)."""
    first = head["outputs"][0]
    if fault == "shape":
        first["shape"][1] += 1
    elif fault == "rank":
        first["shape"] = first["shape"] + [1]
    elif fault == "datatype":
        first["datatype"] = "INT32"
    elif fault == "size":
        first["parameters"]["binary_data_size"] -= 4
    elif fault == "negative":
        first["parameters"]["binary_data_size"] = -1
    elif fault == "twice":
        head["outputs"][-1] = dict(first)
    elif fault == "missing":
        head["outputs"].pop()
    elif fault == "name":
        first["name"] = "another"
    elif fault == "text":
        first.pop("parameters")
        first["data"] = [0.0] * 64
    elif fault == "long":
        binary += b"1234"
    elif fault == "few":
        binary = binary[:-4]
    elif fault == "nonsense":
        return 200, b"<html>not JSON</html>", b""
    elif fault == "array":
        return 200, b"[1, 2]", binary
    elif fault == "deep":
        return 200, b"[" * 1000, b""
    elif fault == "refused":
        return 400, json.dumps({"error": "no room\nfor \x1b[31mthis\x07 model"}).encode(), b""
    elif fault == "broken":
        return 500, b"oops", b""
    elif fault == "absent":
        return 404, b"", b""
    elif fault == "swapped":  # that is allowed
        first, second = head["outputs"]
        half = first["parameters"]["binary_data_size"]
        head["outputs"], binary = [second, first], binary[half:] + binary[:half]
    return 200, json.dumps(head).encode(), binary


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.opened += 1
        self.server.sockets.add(self.connection)

    def finish(self):
        self.server.sockets.discard(self.connection)
        super().finish()

    def answer(self, status, body, head_size=None, headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if head_size is not None:
            self.send_header(LENGTH, str(head_size))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def answer_json(self, status, value):
        self.answer(status, json.dumps(value).encode())

    def model_and_fault(self):
        """("model", "fault", what follows) of /v2/models/model~fault[/versions/N][/…]"""
        words = self.path.split("/")[3:]
        name, _, fault = words[0].partition("~")
        rest = words[1:]
        if rest[:1] == ["versions"]:
            rest = rest[2:]
        return name, fault, "/".join(rest)

    def do_GET(self):
        self.server.requests.append(("GET", self.path, dict(self.headers)))
        if self.path == "/v2":
            return self.answer_json(200, {"name": "tiny", "version": "1.0", "extensions": ["binary_tensor_data"]})
        name, fault, rest = self.model_and_fault()
        if name != "model":
            return self.answer_json(404, {"error": f"Request for unknown model: '{name}' is not found"})
        if rest == "config":
            labels = self.server.model.labels
            if labels is None:
                return self.answer_json(404, {"error": "no configuration"})
            return self.answer_json(200, {"parameters": {"labels": {"string_value": labels}, "model_type": {"string_value": "ssd"}}})
        return self.describe(fault)

    def describe(self, fault):
        about = {"name": "model", "versions": ["1"], "platform": "openvino", **self.server.model.description(fault)}
        if fault == "redirect":
            return self.answer(302, b"", headers=[("Location", self.server.elsewhere)])
        if fault == "bytes":
            about["outputs"][0]["datatype"] = "BYTES"
        if fault == "unknown_size":
            about["inputs"][0]["shape"] = [1, -1]
        if fault == "too_many":
            about["outputs"] = [dict(about["outputs"][0], name=f"o{i}") for i in range(17)]
        if fault == "huge":
            about["inputs"][0]["shape"] = [1, 100000, 100000, 3]
        if fault == "header":
            return self.answer(200, b"{}", headers=[(f"X-{i}", "x" * 1000) for i in range(100)])
        if fault == "big_json":
            return self.answer(200, b'"' + b"x" * (2 << 20) + b'"')
        if fault == "html":
            return self.answer(200, b"<html></html>")
        return self.answer_json(200, about)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append(("POST", self.path, dict(self.headers)))
        _, fault, _ = self.model_and_fault()
        head = json.loads(body[:int(self.headers[LENGTH])])
        at, inputs = int(self.headers[LENGTH]), {}
        for one in head["inputs"]:
            size = one["parameters"]["binary_data_size"]
            inputs[one["name"]] = np.frombuffer(body[at:at + size], NUMPY[one["datatype"]]).reshape(one["shape"])
            at += size
        assert at == len(body)
        if fault == "later":  # right, until it is told otherwise
            fault = self.server.fault
        if fault == "slow":
            time.sleep(self.server.pause)
        outputs = self.server.model.run(inputs)
        self.reply(fault, *reply_of(head, outputs))

    def reply(self, fault, head, binary):
        status, text, binary = spoil(fault, head, binary)
        if fault == "header":
            return self.answer(200, text + binary, len(text), [(f"X-{i}", "x" * 1000) for i in range(100)])
        if fault == "length":
            return self.answer(200, text + binary, len(text) + len(binary) + 1)
        if fault == "length_text":
            return self.answer(200, text + binary, "12abc")
        if fault == "half":
            self.send_response(200)
            self.send_header("Content-Length", str(len(text) + len(binary)))
            self.send_header(LENGTH, str(len(text)))
            self.end_headers()
            self.wfile.write((text + binary)[:len(text) + len(binary) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        if fault == "silent":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        if fault == "garbage":
            self.wfile.write(b"\x00\x01\x02 not HTTP\r\n\r\n")
            self.wfile.flush()
            self.close_connection = True
            return None
        if fault == "endless":
            self.send_response(200)
            self.send_header(LENGTH, str(len(text)))
            self.end_headers()
            try:
                self.wfile.write(text)
                while True:
                    self.wfile.write(b"\0" * 65536)
            except OSError:
                self.close_connection = True
            return None
        return self.answer(status, text + binary, len(text))


class OipServer(ThreadingHTTPServer):
    """Runs on a thread of its own. `requests` lists (method, path, headers), `opened` counts connections."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, model=None, port=0, context=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.model = model or StandIn()
        self.requests, self.opened, self.sockets = [], 0, set()
        self.fault, self.pause, self.elsewhere = "", 1.0, ""
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def handle_error(self, request, client_address):
        pass  # a client that went away

    @property
    def port(self):
        return self.server_address[1]

    def address(self, name="model", scheme="oip"):
        return f"{scheme}://127.0.0.1:{self.port}/{name}"

    def stop(self):
        """As a server that is killed: connections break."""
        self.shutdown()
        self.server_close()
        for one in list(self.sockets):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()


def main():
    server = OipServer(Served(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(server.address(), flush=True)
    try:
        server.thread.join()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
