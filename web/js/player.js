// Server → canvas: receives pictures and detections, decodes, paints, measures. The page around it
// (view.js) only reads what it offers.
import { Link, socketUrl, unpack } from './link.js';
import { Hold, Usual } from './hold.js';
import { LatencyMeter } from './latency.js';
import { contain, paint } from './draw.js';
import { now } from './clock.js';

/** The stages of a picture's way that the server tells, in order. */
export const SERVER_STAGES = ['queue', 'decode', 'preprocess', 'inference', 'postprocess', 'track', 'draw', 'encode'];
const HISTORY = 1024; // painted pictures that history() can give
const MAX_CANVAS = 2560; // wider canvases cost more than eyes get from them

export class Player {
  /** events: message(json) for what is not a picture, socket(connected, event), showing(entry) right before
   * a picture is painted, and again when boxes join it; draw: as paint() in draw.js, what goes on the canvas. */
  constructor(canvas, stage, events, draw = paint) {
    this.canvas = canvas;
    this.stage = stage;
    this.events = events;
    this.draw = draw;
    this.options = { boxes: true, labels: true, names: null, px: 1 };
    this.render = 'client';
    this.meter = new LatencyMeter();
    this.hold = new Hold((entry) => this.#skip(entry));
    this.skipped = 0; // pictures that came and were not painted
    this.late = 0; // results that came when their picture was gone
    this.received = 0;
    this.firstPicture = null;
    this.lastPicture = null; // when the newest came, own clock
    this.lastAge = 0;
    this.painted = 0;
    this.stages = {}; // sums of this second, taken by takeStages()
    this.pictureGap = new Usual();
    this.lastFrame = null;
    this.#context = canvas.getContext('2d', { alpha: false, desynchronized: true });
    new ResizeObserver(() => this.#layout()).observe(stage);
  }

  #context;
  #link = null;
  #head = null; // metadata that waits for its picture (pair form)
  #shown = null; // what is on the canvas
  #framePending = false;
  #wakeTimer = 0;
  #history = [];
  #stageCount = 0;

  get clock() { return this.#link.clock; }
  get connected() { return this.#link?.connected ?? false; }
  get shown() { return this.#shown; }

  /** Opens (again) with `render` 'client' or 'server'. */
  open(path, render) {
    this.#link?.end();
    this.hold.clear();
    this.#head = null;
    this.render = render;
    const query = new URLSearchParams(location.search);
    query.delete('lang');
    query.set('render', render);
    query.set('pack', '1');
    this.#link = new Link(socketUrl(`${path}?${query}`), {
      open: () => this.events.socket(true),
      json: (message) => this.#message(message),
      binary: (buffer) => this.#binary(buffer),
      close: (event) => { this.#head = null; return this.events.socket(false, event); },
    });
  }

  send(message) { this.#link.send(message); }
  hurry() { this.#link?.hurry(); }
  end() { this.#link?.end(); }

  #message(message) {
    if (message.type === 'frame_metadata') this.#head = message;
    else if (message.type === 'detections') this.#result(message);
    else this.events.message(message);
  }

  #binary(buffer) {
    if (this.#head) {
      const head = this.#head;
      this.#head = null;
      this.#picture(head, new Uint8Array(buffer));
      return;
    }
    const { head, body } = unpack(buffer);
    if (head.type === 'frame_metadata') this.#picture(head, body);
    else this.#message(head);
  }

  #picture(head, bytes) {
    const t = now();
    this.received++;
    this.firstPicture ??= t;
    if (this.lastPicture !== null) this.pictureGap.add(t - this.lastPicture);
    this.lastPicture = t;
    if (document.hidden) { this.skipped++; return; } // nothing is drawn: nothing is decoded or kept
    const answered = Array.isArray(head.detections);
    const entry = {
      seq: head.seq ?? head.frameNumber, frameNumber: head.frameNumber, head, result: answered ? head : null,
      captured: head.timestamp + (head.clock_offset_ms ?? 0), arrived: t, joined: t, bitmap: null,
      detections: answered ? head.detections : null,
      analysed: head.analysed === false ? false : answered ? true : null,
      blob: new Blob([bytes], { type: `image/${head.format ?? 'jpeg'}` }),
    };
    this.hold.add(entry);
    this.#turn();
  }

  #result(message) {
    const t = now();
    const entry = this.hold.result(message, t);
    if (entry) entry.joined = t;
    if (!entry && message.analysed !== false) this.#lateResult(message, t);
    this.#turn();
  }

  /** The picture is painted already: in live mode the boxes join it while it is still the one shown. */
  #lateResult(message, t) {
    const shown = this.#shown;
    const limit = this.hold.maxLatency || Infinity;
    const old = t + this.clock.offset - (shown?.captured ?? 0) > limit;
    if (this.hold.sync !== 'live' || shown?.seq !== message.seq || old) { this.late++; return; }
    shown.detections = message.detections;
    shown.analysed = true;
    shown.result = message;
    this.events.showing?.(shown);
    this.repaint();
    Object.assign(this.lastFrame, this.#record(shown, this.lastFrame.latency_ms));
  }

  #skip(entry) {
    this.skipped++;
    entry.released = true;
    entry.bitmap?.close();
    entry.bitmap = null;
    entry.blob = null;
  }

  /** Decodes what will be painted next and asks for a paint. */
  #turn() {
    this.#prefetch();
    this.#schedule();
  }

  #prefetch() {
    for (const entry of this.hold.wanted(now())) if (entry.blob) this.#decode(entry);
  }

  async #decode(entry) {
    const { blob } = entry;
    entry.blob = null;
    try {
      const bitmap = await createImageBitmap(blob);
      if (entry.released) bitmap.close();
      else entry.bitmap = bitmap;
    } catch { // a damaged picture
      this.hold.remove(entry);
    }
    this.#schedule();
  }

  #schedule() {
    if (this.#framePending) return;
    this.#framePending = true;
    requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    this.#framePending = false;
    clearTimeout(this.#wakeTimer);
    const entry = this.hold.choose(now());
    if (entry) this.#show(entry);
    this.#prefetch();
    const wake = this.hold.wake(now());
    if (wake !== null) this.#wakeTimer = setTimeout(() => this.#turn(), wake);
  }

  #show(entry) {
    const same = this.#shown?.bitmap.width === entry.bitmap.width && this.#shown?.bitmap.height === entry.bitmap.height;
    this.#shown?.bitmap.close();
    this.#shown = entry;
    if (!same) this.#layout();
    this.events.showing?.(entry);
    this.repaint();
    const drawn = now();
    const age = drawn + this.clock.offset - entry.captured;
    this.meter.add(drawn, age);
    this.lastAge = age;
    this.painted++;
    this.#addStages(entry, drawn, age);
    this.lastFrame = this.#record(entry, age);
    this.#history.push(this.lastFrame);
    if (this.#history.length > HISTORY) this.#history.shift();
  }

  #record(entry, age) {
    const boxes = this.render === 'client' && this.options.boxes ? entry.detections ?? [] : [];
    return {
      seq: entry.seq, frameNumber: entry.frameNumber, latency_ms: age, analysed: entry.analysed === true,
      boxes: boxes.map((d) => [...d.box]), boxesOf: boxes.length ? entry.result.frameNumber ?? entry.frameNumber : null,
      width: entry.bitmap.width, height: entry.bitmap.height,
    };
  }

  /** Splits capture-to-screen: what the server measured, what came before the page and after it. */
  #addStages(entry, drawn, age) {
    const timings = entry.result?.timings_ms ?? {};
    const sum = this.stages;
    let server = 0;
    for (const name of SERVER_STAGES) {
      const value = timings[name] ?? 0;
      server += value;
      sum[name] = (sum[name] ?? 0) + value;
    }
    const screen = drawn - entry.joined;
    sum.travel = (sum.travel ?? 0) + Math.max(0, age - server - screen);
    sum.screen = (sum.screen ?? 0) + screen;
    this.#stageCount++;
  }

  /** Mean milliseconds of each stage since the last call, or null when nothing was painted. */
  takeStages() {
    const n = this.#stageCount;
    const mean = n ? Object.fromEntries(Object.entries(this.stages).map(([k, v]) => [k, v / n])) : null;
    this.stages = {};
    this.#stageCount = 0;
    return mean;
  }

  /** The canvas has the screen's pixels, not the picture's: lines and letters stay sharp. */
  #layout() {
    const bitmap = this.#shown?.bitmap;
    if (!bitmap) return;
    const [w, h] = contain(bitmap.width, bitmap.height, this.stage.clientWidth, this.stage.clientHeight);
    if (!w || !h) return;
    this.options.px = Math.min(devicePixelRatio, MAX_CANVAS / w);
    this.canvas.width = Math.round(w * this.options.px);
    this.canvas.height = Math.round(h * this.options.px);
    this.canvas.style.inlineSize = `${w}px`;
    this.canvas.style.blockSize = `${h}px`;
    this.repaint();
  }

  /** Draws the shown picture again: other options, other size, boxes that came. */
  repaint() {
    if (!this.#shown) return;
    const boxes = this.options.boxes && this.render === 'client';
    const { bitmap, detections, result, analysed } = this.#shown;
    const told = analysed ? result : null;
    this.draw(this.#context, bitmap, detections, { ...this.options, boxes, classes: told?.classes, result: told });
  }

  history(n) { return this.#history.slice(-n); }
}
