// When a picture was captured, on this thread's Unix clock.
import { now } from './clock.js';

const OLDEST_MS = 1000; // a capture time further back than this is another clock's
const FORGET_MS = 10000;

/** Maps the stamps of one camera to the clock. A stamp counts from an unknown origin, so the
 * smallest (arrival − stamp) seen lately is taken as the origin: a picture that waited in a
 * queue keeps its true time, and none is ever called younger than it is known to be. */
export class CaptureTime {
  #origin = Infinity;
  #next = Infinity;
  #since = 0;

  /** captureTime: DOMHighResTimeStamp of the browser or undefined; stampUs: VideoFrame.timestamp. */
  of(captureTime, stampUs) {
    const arrived = now();
    const told = performance.timeOrigin + (captureTime ?? NaN);
    if (told <= arrived && told > arrived - OLDEST_MS) return told;
    if (!Number.isFinite(stampUs)) return arrived;
    const gap = arrived - stampUs / 1000;
    if (arrived - this.#since > FORGET_MS) { // two windows, so that a slow drift is followed
      this.#origin = this.#next;
      this.#next = Infinity;
      this.#since = arrived;
    }
    this.#next = Math.min(this.#next, gap);
    this.#origin = Math.min(this.#origin, gap);
    return Math.max(arrived - OLDEST_MS, stampUs / 1000 + this.#origin);
  }
}
