// Camera → server: encodes the newest picture and sends it when the server gave credit.
// Runs in the capture worker, or on the page's own thread where a browser has no such worker.
import { Link } from './link.js';
import { now } from './clock.js';

const POST_AFTER = 2; // sockets refused in a row before pictures go by POST
const DROPS = ['rate', 'busy', 'credit', 'socket'];
const MOST = [1920, 1080]; // px; more costs time and shows a model nothing

/** Largest size inside maxW × maxH (0 = no limit) with the picture's shape; never enlarged. */
export function fit(width, height, maxW, maxH) {
  const scale = Math.min(1, maxW > 0 ? maxW / width : 1, maxH > 0 ? maxH / height : 1);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function makeCanvas() {
  return typeof OffscreenCanvas === 'undefined' ? document.createElement('canvas') : new OffscreenCanvas(1, 1);
}

function toJpeg(canvas, quality) {
  if (canvas.convertToBlob) return canvas.convertToBlob({ type: 'image/jpeg', quality });
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality));
}

/**
 * report(state, detail) speaks of changes: 'connecting', 'live', 'waiting' (no credit yet),
 * 'post', 'replaced', 'busy', 'refused', 'unready', 'error'.
 */
export class Sender {
  constructor({ socketUrl, postUrl }, report) {
    this.report = report;
    this.postUrl = postUrl;
    this.control = { target_fps: 30, quality: 0.8, credits: 1, reason: '' };
    this.sent = 0; // on this connection: what credits are compared with
    this.frameNumber = 0;
    this.drops = Object.fromEntries(DROPS.map((name) => [name, 0]));
    this.size = [0, 0];
    this.bytes = 0;
    this.encodeMs = 0;
    this.#link = new Link(socketUrl, {
      open: () => this.#opened(),
      json: (message) => this.#obey(message),
      close: (event) => this.#closed(event),
    });
    report('connecting');
  }

  #link;
  #canvas = makeCanvas();
  #context = this.#canvas.getContext('2d', { alpha: false });
  #busy = false;
  #due = 0; // when the next picture may go, by target_fps
  #post = false;
  #welcome = false; // the server spoke to this connection, or answered a POST
  #refusals = 0;
  #sentAt = []; // of the last second

  get clock() { return this.#link.clock; }

  #opened() {
    this.sent = 0;
    this.control.credits = 1;
    this.#refusals = 0;
    this.#post = false;
    this.#welcome = false;
  }

  #obey(message) {
    if (message.type === 'stream_control') {
      if (!this.#welcome) { // a camera that is refused gets none
        this.#welcome = true;
        this.report(this.#post ? 'post' : 'live');
      }
      for (const key of Object.keys(this.control)) if (message[key] !== undefined) this.control[key] = message[key];
    } else if (message.type === 'error') this.report('error', message.message);
  }

  #closed({ code, reason, opened }) {
    if (code === 1008 && reason === 'replaced') { this.report('replaced'); return false; }
    if (code === 1008 && reason !== 'busy') { this.report('refused'); return false; }
    if (!opened && ++this.#refusals >= POST_AFTER) {
      if (!this.#post) { this.#post = true; this.#welcome = false; this.sent = 0; this.control.credits = 1; }
    } else this.report(code === 1008 ? 'busy' : 'connecting');
    return true;
  }

  /** Why a picture captured at `captured` (Unix ms) should not go now; '' when it should. */
  #refusal(captured) {
    if (this.#busy) return 'busy';
    if (!this.#post && (!this.#link.connected || this.#link.buffered > 0)) return 'socket';
    if (this.sent >= this.control.credits) return 'credit';
    const interval = 1000 / this.control.target_fps;
    if (captured < this.#due - interval / 4) return 'rate'; // a quarter: cameras do not tick evenly
    return '';
  }

  /** Takes a VideoFrame, ImageBitmap or <video>; closes it where it can be closed. */
  async offer(source, captured, width, height) {
    const why = this.#refusal(captured);
    if (why) {
      this.drops[why]++;
      source.close?.();
      return;
    }
    this.#busy = true;
    const interval = 1000 / this.control.target_fps;
    this.#due = Math.max(this.#due + interval, captured + interval / 2);
    try {
      await this.#encodeAndSend(source, captured, width, height);
    } catch (error) {
      if (!this.#post) this.report('error', error.message);
      else { // the server is away for a while
        this.#welcome = false;
        this.report(error.state ?? 'connecting', error.message);
        setTimeout(() => { this.control.credits = this.sent + 1; }, 1000);
      }
    } finally {
      this.#busy = false;
    }
  }

  async #encodeAndSend(source, captured, width, height) {
    const started = performance.now();
    const [w, h] = fit(width, height, ...MOST);
    if (this.#canvas.width !== w || this.#canvas.height !== h) {
      this.#canvas.width = w;
      this.#canvas.height = h;
    }
    this.#context.drawImage(source, 0, 0, w, h);
    source.close?.();
    const blob = await toJpeg(this.#canvas, this.control.quality);
    this.encodeMs += (performance.now() - started - this.encodeMs) / 8;
    this.size = [w, h];
    const head = {
      type: 'frame_metadata', timestamp: Math.round(captured * 1000) / 1000, frameNumber: this.frameNumber++,
      width: w, height: h, format: 'jpeg',
    };
    if (this.clock.known) head.clock_offset_ms = Math.round(this.clock.offset * 1000) / 1000;
    this.sent++;
    if (this.#post) await this.#sendByPost(head, blob);
    else {
      const bytes = await blob.arrayBuffer();
      if (this.#link.send(head)) this.#link.send(bytes);
    }
    this.bytes = blob.size;
    this.#sentAt.push(now());
  }

  async #sendByPost({ timestamp, frameNumber, clock_offset_ms: offset }, blob) {
    const url = new URL(this.postUrl);
    url.searchParams.set('timestamp', timestamp);
    url.searchParams.set('frameNumber', frameNumber);
    if (offset !== undefined) url.searchParams.set('clock_offset_ms', offset);
    const t0 = now();
    const answer = await fetch(url, { method: 'POST', body: blob, headers: { 'Content-Type': 'image/jpeg' } });
    if (answer.status === 401 || answer.status === 403) { this.report('refused'); this.control.credits = 0; return; }
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      throw Object.assign(new Error(problem.detail ?? `HTTP ${answer.status}`), { state: 'unready' });
    }
    const control = await answer.json();
    this.#obey({ ...control, type: 'stream_control' });
    this.control.credits = Math.max(this.control.credits, this.sent + 1); // one at a time is credit enough
    if (control.server_time) this.clock.add(t0, control.server_time, control.server_time, now());
  }

  /** What the page shows, a few times a second. */
  stats() {
    const t = now();
    while (this.#sentAt.length && this.#sentAt[0] < t - 1000) this.#sentAt.shift();
    return {
      fps: this.#sentAt.length, quality: this.control.quality, width: this.size[0], height: this.size[1],
      roundTrip: this.clock.roundTrip, offset: this.clock.offset, encodeMs: this.encodeMs, bytes: this.bytes,
      sent: this.sent, credits: this.control.credits, targetFps: this.control.target_fps, reason: this.control.reason,
      frames: this.frameNumber, drops: { ...this.drops }, post: this.#post, connected: this.#link.connected,
    };
  }

  end() { this.#link.end(); }
}
