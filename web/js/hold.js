// Which picture is painted when. Pictures and their detections come apart (render=client); this
// joins them by seq, so that boxes are only ever painted on the picture they were computed for.
// No clock and no drawing in here: times are passed in (ms, one clock), which makes it testable.

/** Median of the last `size` values; null before the first. */
export class Usual {
  #values;
  #count = 0;
  #sorted;

  constructor(size = 31) {
    this.#values = new Float64Array(size);
    this.#sorted = new Float64Array(size);
  }

  add(value) { this.#values[this.#count++ % this.#values.length] = value; }

  get value() {
    const n = Math.min(this.#count, this.#values.length);
    if (n === 0) return null;
    this.#sorted.set(this.#values);
    return this.#sorted.subarray(0, n).sort()[n >> 1];
  }
}

/**
 * An entry: {seq, arrived, detections|null, analysed: true|false|null (not known yet), bitmap|null}.
 * sync 'exact' paints a picture when its detections came; 'live' paints at once.
 * release(entry) is called for each entry that will not be painted.
 */
export class Hold {
  constructor(release, limit = 8) {
    this.release = release;
    this.limit = limit;
    this.sync = 'exact';
    this.maxLatency = 200; // ms, of the stream; 0: no limit
    this.aiOff = false; // no result for long: pictures do not wait for the model
  }

  #queue = []; // in order of seq, at most `limit`
  #delay = new Usual(); // from a picture's arrival to its detections
  #gap = new Usual(); // between two analysed results
  #lastResult = null;
  #lastBoxes = -Infinity; // when an analysed picture was last painted

  get length() { return this.#queue.length; }
  get usualGap() { return this.#gap.value; }
  get usualDelay() { return this.#delay.value; }
  get lastResult() { return this.#lastResult; }

  /** How long a picture waits for its detections at most. */
  get patience() {
    if (this.aiOff || this.sync === 'live') return 0;
    return Math.min(this.#most, 2 * (this.#delay.value ?? 100));
  }

  get #most() { return this.maxLatency > 0 ? this.maxLatency : Infinity; }

  /** How long after an analysed picture one without boxes may follow it: between two analysed
   * pictures the others are left out, else the boxes would blink. */
  get #rest() {
    if (this.aiOff || this.sync === 'live') return 0;
    return Math.min(this.#most, 2 * (this.#gap.value ?? 0));
  }

  add(entry) {
    this.#queue.push(entry);
    while (this.#queue.length > this.limit) this.release(this.#queue.shift());
    if (entry.analysed) this.#resultAt(entry.arrived);
  }

  #resultAt(t) {
    if (this.#lastResult !== null) this.#gap.add(t - this.#lastResult);
    this.#lastResult = t;
  }

  /** A detections message; gives back the waiting entry it belongs to, or null when that is gone. */
  result(message, t) {
    const analysed = message.analysed !== false;
    if (analysed) this.#resultAt(t);
    const entry = this.#queue.find((e) => e.seq === message.seq) ?? null;
    if (!entry) return null;
    if (analysed) this.#delay.add(t - entry.arrived);
    entry.analysed = analysed;
    entry.detections = analysed ? message.detections ?? [] : null;
    entry.result = message;
    return entry;
  }

  /** 'boxes', 'bare' (goes without), or 'waiting'. */
  #standing(entry, t) {
    if (entry.analysed) return 'boxes';
    if (entry.analysed === false || t - entry.arrived >= this.patience) return 'bare';
    return 'waiting';
  }

  /** Entries that may be painted at `t`, oldest first. Ones with boxes go before any without. */
  #choices(t) {
    if (this.sync === 'live') return this.#queue;
    const rested = t - this.#lastBoxes >= this.#rest;
    let waiting = false; // never past one that may still get its boxes
    const bare = this.#queue.filter((entry) => {
      const standing = this.#standing(entry, t);
      waiting ||= standing === 'waiting';
      return rested && !waiting && standing === 'bare';
    });
    const boxes = this.#queue.filter((entry) => entry.analysed);
    return boxes.length ? boxes : bare;
  }

  /** Takes the entry to paint now out of the hold, older ones are released; null when there is none. */
  choose(t) {
    const chosen = this.#choices(t).findLast((entry) => entry.bitmap);
    if (!chosen) return null;
    const gone = this.#queue.splice(0, this.#queue.indexOf(chosen) + 1);
    gone.pop();
    gone.forEach(this.release);
    if (chosen.analysed) this.#lastBoxes = t;
    return chosen;
  }

  /** Entries whose pictures should be decoded now: few, so that the others stay compressed. */
  wanted(t) {
    const choices = this.#choices(t);
    if (this.sync === 'live') return choices.slice(-1);
    return this.#queue.filter((entry) => entry.analysed !== false || entry === choices.at(-1)).slice(0, 3);
  }

  /** Milliseconds until time alone makes another picture paintable, or null. */
  wake(t) {
    let soonest = null;
    for (const entry of this.#queue) {
      const at = this.#standing(entry, t) === 'waiting'
        ? entry.arrived + this.patience : this.#lastBoxes + this.#rest;
      if (at > t && (soonest === null || at - t < soonest)) soonest = at - t;
    }
    return soonest;
  }

  /** Takes an entry out: its picture is damaged. */
  remove(entry) {
    const i = this.#queue.indexOf(entry);
    if (i >= 0) this.release(...this.#queue.splice(i, 1));
  }

  clear() {
    this.#queue.forEach(this.release);
    this.#queue = [];
  }
}
