// One WebSocket to the server that comes back by itself and knows the server's clock.
import { ClockOffset, now } from './clock.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;
const BURST = 6; // probes quickly after connecting, then one each 2 s
const decoder = new TextDecoder();

/** Splits a packed message: u32 little-endian length, JSON, picture. Throws on nonsense. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  if (length > buffer.byteLength - 4) throw new Error('packed message shorter than its head says');
  const head = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, length)));
  return { head, body: new Uint8Array(buffer, 4 + length) };
}

/** Absolute ws(s) URL of a path on this server. */
export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/**
 * Callbacks: open(), json(object), binary(ArrayBuffer), close({code, reason, opened, retryMs}).
 * close() may return false to stay closed. All callbacks run in order on this thread.
 */
export class Link {
  constructor(url, callbacks) {
    this.url = url;
    this.on = callbacks;
    this.clock = new ClockOffset();
    this.#connect();
  }

  #socket = null;
  #retry = FIRST_RETRY_MS;
  #retryTimer = 0;
  #probeTimer = 0;
  #probes = 0;
  #ended = false;

  get connected() { return this.#socket?.readyState === WebSocket.OPEN; }
  get buffered() { return this.#socket?.bufferedAmount ?? 0; }

  /** Sends a string, object (as JSON) or bytes; silently nothing while not connected. */
  send(data) {
    if (!this.connected) return false;
    const raw = typeof data === 'string' || data instanceof ArrayBuffer || ArrayBuffer.isView(data);
    this.#socket.send(raw ? data : JSON.stringify(data));
    return true;
  }

  end() {
    this.#ended = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#probeTimer);
    this.#socket?.close(1000);
  }

  /** Connects now instead of after the pause (page visible again, network back). */
  hurry() {
    if (this.#ended || !this.#retryTimer) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  #connect() {
    this.#retryTimer = 0;
    const socket = new WebSocket(this.url);
    let opened = false;
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      this.#probes = 0;
      this.on.open?.();
      this.#probe();
    };
    socket.onmessage = ({ data }) => {
      this.#retry = FIRST_RETRY_MS; // only a server that talks is a server that is back
      if (typeof data !== 'string') return this.on.binary?.(data);
      const message = JSON.parse(data);
      if (message.type === 'time') this.clock.add(message.t0, message.t1, message.t2, now());
      else this.on.json?.(message);
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(this.#probeTimer);
      if (this.#ended) return;
      const retryMs = this.#retry * (0.75 + Math.random() / 2);
      if (this.on.close?.({ code, reason, opened, retryMs }) === false) { this.#ended = true; return; }
      this.#retry = Math.min(this.#retry * 2, LAST_RETRY_MS);
      this.#retryTimer = setTimeout(() => this.#connect(), retryMs);
    };
  }

  #probe() {
    this.send({ type: 'time', t0: now() });
    this.#probeTimer = setTimeout(() => this.#probe(), ++this.#probes < BURST ? 60 : 2000);
  }
}
