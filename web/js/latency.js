// Capture-to-screen latencies of the last minute, without growing.

const CAPACITY = 4096; // 60 s at up to 68 pictures a second
const SECONDS = 60;

/** value at quantile q of an ascending array; null when it is empty */
const quantile = (sorted, q) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null);

export class LatencyMeter {
  #at = new Float64Array(CAPACITY);
  #ms = new Float64Array(CAPACITY);
  #scratch = new Float64Array(CAPACITY);
  #count = 0;
  /** One {p50, p95} a second, oldest first; null where no picture came. */
  history = new Array(SECONDS).fill(null);

  add(at, ms) {
    const i = this.#count++ % CAPACITY;
    this.#at[i] = at;
    this.#ms[i] = ms;
  }

  #since(from) {
    let n = 0;
    for (let k = this.#count - 1; k >= 0 && k >= this.#count - CAPACITY; k--) {
      const i = k % CAPACITY;
      if (this.#at[i] < from) break;
      this.#scratch[n++] = this.#ms[i];
    }
    return this.#scratch.subarray(0, n).sort();
  }

  /** {n, p50, p95, p99} over the last `window` ms before `t`. */
  over(window, t) {
    const sorted = this.#since(t - window);
    return { n: sorted.length, p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99) };
  }

  /** Once a second: moves the history on. */
  tick(t) {
    const { n, p50, p95 } = this.over(1000, t);
    this.history.shift();
    this.history.push(n ? { p50, p95 } : null);
  }
}

/** Path data of the sparkline in a `width` × `height` box: {line, band}; `top` ms is its upper edge. */
export function sparkline(history, width, height, top) {
  const x = (i) => ((i + 1) * width / history.length).toFixed(1);
  const y = (v) => (height - Math.min(v, top) * height / top).toFixed(1);
  let line = '';
  let band = '';
  let run = [];
  const close = () => {
    if (run.length > 1) {
      const down = run.map((i) => `${x(i)} ${y(history[i].p95)}`);
      const back = [...run].reverse().map((i) => `${x(i)} ${y(history[i].p50)}`);
      band += `M${down.join('L')}L${back.join('L')}Z`;
    }
    if (run.length) line += `M${run.map((i) => `${x(i)} ${y(history[i].p50)}`).join('L')}${run.length === 1 ? 'h1' : ''}`;
    run = [];
  };
  history.forEach((value, i) => (value ? run.push(i) : close()));
  close();
  return { line, band };
}
