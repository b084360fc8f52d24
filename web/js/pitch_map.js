// The pitch from above, to scale: the camera is below it. Draws what one result says, and nothing else.
import { num } from './i18n.js';
import { looks, lookOfSide, mark, outline } from './kit.js';
import { goals, markings } from './pitch_lines.js';

const GROUND = '#17352a';
const LINES = 'rgb(255 255 255 / .5)';
const MARGIN = 4; // metres around the pitch
const TRAIL_MS = 2500;
const JUMP_M = 6; // between two positions: the way between is not known
const PEOPLE = 200; // whose trails are kept

/** Where everybody was in the last seconds. Bounded: old ones go, and so does who is not told any more. */
class Trails {
  #of = new Map(); // id → [{at, x, y}], oldest first

  add(id, at, [x, y]) {
    let way = this.#of.get(id);
    if (!way) {
      if (this.#of.size >= PEOPLE) this.#of.delete(this.#of.keys().next().value);
      this.#of.set(id, way = []);
    }
    const last = way.at(-1);
    if (last && Math.hypot(x - last.x, y - last.y) > JUMP_M) way.length = 0;
    if (!last || at > last.at) way.push({ at, x, y });
    while (way.length && way[0].at < at - TRAIL_MS) way.shift();
  }

  prune(at) {
    for (const [id, way] of this.#of) if (!way.length || way.at(-1).at < at - TRAIL_MS) this.#of.delete(id);
  }

  of(id) { return this.#of.get(id) ?? []; }
  clear() { this.#of.clear(); }
}

/** Where everybody stood in the mean since the page was opened; those of the last minute. */
class Means {
  #of = new Map(); // id → {n, x, y, at, track}

  add(track, at) {
    const id = track.track_id;
    const mean = this.#of.get(id) ?? { n: 0, x: 0, y: 0 };
    this.#of.delete(id); // to the end: the order is that of the last sight
    this.#of.set(id, mean);
    mean.n++;
    mean.x += (track.pitch_m[0] - mean.x) / mean.n;
    mean.y += (track.pitch_m[1] - mean.y) / mean.n;
    Object.assign(mean, { at, track });
    if (this.#of.size > PEOPLE) this.#of.delete(this.#of.keys().next().value);
  }

  clear() { this.#of.clear(); }

  /** Of those with a team who were seen long enough for a mean to say something. */
  list(at) { return [...this.#of.values()].filter((m) => m.track.team && m.n >= 20 && m.at > at - 60000); }
}

export class PitchMap {
  constructor(canvas, ground) {
    Object.assign(this, { canvas, ground });
    this.options = { trails: true, means: false };
    this.size = [105, 68];
    this.result = null; // what is drawn
    this.#context = canvas.getContext('2d', { alpha: false });
    new ResizeObserver(() => this.#layout()).observe(ground);
  }

  #context;
  #back = null; // the empty pitch
  #px = 1;
  #scale = 1; // canvas pixels a metre
  #trails = new Trails();
  #means = new Means();
  #now = 0;
  dots = []; // as drawn, in CSS pixels: {id, x, y, m, shape, colour, lost}

  /** Another stream: what was remembered is of others. */
  reset() {
    this.#trails.clear();
    this.#means.clear();
  }

  /** Shows a result of the picture taken at `at` ms; null: nobody is known to be anywhere. */
  show(result, at) {
    this.result = result;
    if (!result) this.#trails.clear();
    const { size } = result?.pitch_m ?? {};
    if (size && (size[0] !== this.size[0] || size[1] !== this.size[1])) {
      this.size = size;
      this.ground.style.aspectRatio = `${size[0] + 2 * MARGIN} / ${size[1] + 2 * MARGIN}`;
      this.#layout();
    }
    for (const track of result?.tracks ?? []) {
      if (!track.pitch_m || track.state === 'lost') continue;
      this.#trails.add(track.track_id, at, track.pitch_m);
      this.#means.add(track, at);
    }
    this.#now = at;
    if (result?.ball?.pitch_m) this.#trails.add('ball', at, result.ball.pitch_m);
    this.#trails.prune(at);
    this.draw();
  }

  #layout() {
    const { clientWidth, clientHeight } = this.ground;
    if (!clientWidth || !clientHeight) return;
    this.#px = Math.min(devicePixelRatio, 2);
    this.canvas.width = Math.round(clientWidth * this.#px);
    this.canvas.height = Math.round(clientHeight * this.#px);
    this.#scale = Math.min(this.canvas.width / (this.size[0] + 2 * MARGIN), this.canvas.height / (this.size[1] + 2 * MARGIN));
    this.#back = this.#empty();
    this.draw();
  }

  /** Canvas pixels of metres: far is up. */
  #at([x, y]) {
    const { width, height } = this.canvas;
    return [width / 2 + (x - this.size[0] / 2) * this.#scale, height / 2 - (y - this.size[1] / 2) * this.#scale];
  }

  #empty() {
    const back = document.createElement('canvas');
    Object.assign(back, { width: this.canvas.width, height: this.canvas.height });
    const c = back.getContext('2d');
    c.fillStyle = GROUND;
    c.fillRect(0, 0, back.width, back.height);
    c.strokeStyle = LINES;
    c.lineWidth = Math.max(1, 1.25 * this.#px);
    c.lineJoin = 'round';
    for (const line of [...markings(...this.size), ...goals(...this.size)]) {
      c.beginPath();
      line.forEach((p) => c.lineTo(...this.#at(p)));
      c.stroke();
    }
    return back;
  }

  draw() {
    const c = this.#context;
    if (!this.#back) return;
    c.drawImage(this.#back, 0, 0);
    this.dots = [];
    const { result } = this;
    if (!result?.pitch_m?.known) return;
    const look = looks(result.teams);
    const placed = (result.tracks ?? []).filter((track) => track.pitch_m);
    if (this.options.means) this.#drawMeans(look, result.teams?.sides ?? []);
    if (this.options.trails) for (const track of placed) this.#trail(track.track_id, look(track).colour);
    for (const track of placed) this.#dot(track, look(track));
    if (result.ball?.pitch_m) this.#ball(result.ball);
  }

  /** A way that fades towards its beginning. */
  #trail(id, colour) {
    const way = this.#trails.of(id);
    const c = this.#context;
    c.strokeStyle = colour;
    c.lineWidth = 2 * this.#px;
    c.lineCap = 'round';
    for (let i = 1; i < way.length; i++) {
      c.globalAlpha = 0.6 * i / way.length;
      c.beginPath();
      c.moveTo(...this.#at([way[i - 1].x, way[i - 1].y]));
      c.lineTo(...this.#at([way[i].x, way[i].y]));
      c.stroke();
    }
    c.globalAlpha = 1;
  }

  #dot(track, look) {
    const c = this.#context, px = this.#px;
    const [x, y] = this.#at(track.pitch_m);
    const lost = track.state === 'lost';
    const official = look.shape === 'triangle'; // too narrow for a number, and nobody asks for it
    const words = num(track.track_id);
    const r = (official ? 6 : words.length > 2 ? 10 : 8.5) * px;
    if (lost) c.setLineDash([2.5 * px, 2.5 * px]);
    mark(c, look, x, y, r, px, lost);
    c.setLineDash([]);
    if (track.track_id === this.options.chosen) { // pointed out
      c.beginPath();
      c.arc(x, y, r + 6 * px, 0, 2 * Math.PI);
      c.lineWidth = 2.5 * px;
      c.strokeStyle = '#ffffff';
      c.stroke();
    }
    if (!official) this.#number(words, x, y, lost || look.shape === 'ring' ? '#ffffff' : look.ink);
    this.dots.push({ id: track.track_id, x: x / px, y: y / px, m: track.pitch_m, shape: look.shape, colour: look.colour, lost });
  }

  #number(words, x, y, ink) {
    const c = this.#context, px = this.#px;
    c.font = `700 ${(words.length > 2 ? 8.5 : 9.5) * px}px system-ui, sans-serif`;
    c.textAlign = 'center';
    c.textBaseline = 'middle';
    c.direction = 'ltr';
    c.fillStyle = ink;
    c.fillText(words, x, y + 0.5 * px);
  }

  #ball(ball) {
    const c = this.#context, px = this.#px;
    if (this.options.trails) this.#trail('ball', '#ffffff');
    const [x, y] = this.#at(ball.pitch_m);
    c.beginPath();
    c.arc(x, y, 4 * px, 0, 2 * Math.PI);
    c.fillStyle = '#ffffff';
    c.fill();
    c.lineWidth = 2 * px;
    c.strokeStyle = '#000000';
    if (ball.state !== 'seen') c.setLineDash([2 * px, 2 * px]);
    c.stroke();
    c.setLineDash([]);
  }

  /** Small hollow marks for people, a large one for each team. */
  #drawMeans(look, sides) {
    const c = this.#context, px = this.#px;
    const hollow = (of, place, r) => {
      outline(c, of.shape, ...this.#at(place), r * px);
      for (const [style, width] of [['rgb(0 0 0 / .6)', 4], [of.colour, 2]]) {
        c.strokeStyle = style;
        c.lineWidth = width * px;
        c.stroke();
      }
    };
    for (const mean of this.#means.list(this.#now)) hollow(look(mean.track), [mean.x, mean.y], 4);
    for (const { side, mean_m: mean } of sides) if (mean) hollow(lookOfSide(side, sides), mean, 12);
  }
}
