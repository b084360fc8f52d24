// Own clock and its offset to the server's, from time probes with the smallest round trip.

/** Unix milliseconds that never jump: the wall clock at page load plus a monotonic part. */
export const now = () => performance.timeOrigin + performance.now();

const WINDOW_MS = 30000;

/** Keeps recent probes; the one with the smallest round trip has the least queueing in it. */
export class ClockOffset {
  #probes = []; // at most 30 s of probes, one each 2 s, plus the burst after connecting

  /** t0 sent, t1 arrived at the server, t2 left the server, t3 back here; all Unix ms. */
  add(t0, t1, t2, t3) {
    const rtt = Math.max(0, t3 - t0 - (t2 - t1));
    this.#probes.push({ at: t3, rtt, offset: (t1 - t0 + t2 - t3) / 2 });
    while (this.#probes.length > 1 && this.#probes[0].at < t3 - WINDOW_MS) this.#probes.shift();
  }

  #best() {
    return this.#probes.reduce((a, b) => (a && a.rtt <= b.rtt ? a : b), null);
  }

  get known() { return this.#probes.length > 0; }

  /** Server clock minus own clock, ms; 0 until the first probe came back. */
  get offset() { return this.#best()?.offset ?? 0; }

  /** The last round trip, ms, or null. */
  get roundTrip() { return this.#probes.at(-1)?.rtt ?? null; }

  /** Now on the server's clock, Unix ms. */
  serverNow() { return now() + this.offset; }
}
