// Points on a still picture: placed, dragged, moved by keys, under a magnifier. Px are those of the picture.
import { t, num } from './i18n.js';
import { shape } from './page.js';
import { landmarkName } from './landmarks.js';
import { project, toPicture } from './pitch_lines.js';

const ZOOM = 4; // of the magnifier, beyond what the picture is shown at
const LENS = 132; // CSS pixels
const FINE = 0.4; // of a finger's way, that a point moves: fingers are coarse, the magnifier shows the rest
const APART = 28; // between pointer and magnifier
const UNDO = 100;
const LONG = 1e5; // px: lines further out are not drawn
const LENS_MS = 900; // that it stays after a key

const d = (lines) => lines.map((line) => `M${line.map(([u, v]) => `${u.toFixed(1)} ${v.toFixed(1)}`).join('L')}`).join('');

export class PointEditor {
  /** `changed()` after each change of points or selection; `toName(index)`: its landmark is asked for. */
  constructor(frame, image, svg, lens, { changed, toName }) {
    Object.assign(this, { frame, image, svg, lens, changed, toName, points: [], selected: -1, armed: null });
    svg.addEventListener('pointerdown', (event) => this.#down(event));
    svg.addEventListener('pointermove', (event) => this.#move(event));
    svg.addEventListener('pointerup', (event) => this.#up(event));
    svg.addEventListener('pointercancel', (event) => this.#up(event));
    svg.addEventListener('pointerleave', () => { if (!this.#drag) this.lens.hidden = true; });
    svg.addEventListener('keydown', (event) => this.#key(event));
  }

  #drag = null; // {index, from: where the pointer was, image: and the point, by, moved}
  #undo = [];
  #lensTimer = 0;
  #view = null; // whose lines are drawn
  #force = false; // they are those of the view in force
  #errors = [];

  get size() { return [this.image.naturalWidth, this.image.naturalHeight]; }
  get undoable() { return this.#undo.length > 0; }
  get named() { return this.points.filter((point) => point.name); }
  get lines() { return this.#view ? project(this.#view, this.markings) : []; }

  /** What is drawn over the picture: a view's lines, px errors of the named points in order. */
  show(view, force, errors = [], limit = Infinity) {
    this.#view = view && { ...view, width: this.size[0], height: this.size[1] };
    this.#force = force;
    this.#errors = errors;
    this.limit = limit;
    this.render();
  }

  // ---- changes

  #keep() {
    this.#undo.push(JSON.stringify(this.points));
    if (this.#undo.length > UNDO) this.#undo.shift();
  }

  undo() {
    if (!this.undoable) return;
    this.points = JSON.parse(this.#undo.pop());
    this.selected = Math.min(this.selected, this.points.length - 1);
    this.#tell();
  }

  add([u, v], name = this.armed) {
    this.#keep();
    const free = name && !this.points.some((point) => point.name === name) ? name : null;
    this.points.push({ image: this.#inside([u, v]), name: free });
    this.selected = this.points.length - 1;
    this.armed = null;
    this.#tell();
  }

  /** In the middle, with the keyboard on it. */
  addInMiddle() {
    const [w, h] = this.size;
    const shift = 24 * this.points.length % (w / 4); // not one on the other
    this.add([w / 2 + shift, h / 2]);
    this.focus(this.selected);
  }

  remove(index) {
    this.#keep();
    this.points.splice(index, 1);
    this.selected = Math.min(this.selected, this.points.length - 1);
    this.#tell();
  }

  select(index) {
    if (this.selected === index && !this.armed) return;
    this.selected = index;
    this.armed = null;
    this.#tell();
  }

  /** Names the selected point; a name goes to one point only. */
  name(name) {
    const point = this.points[this.selected];
    if (!point || point.name === name) return;
    this.#keep();
    for (const other of this.points) if (other.name === name) other.name = null;
    point.name = name || null;
    this.#tell();
  }

  focus(index) { this.svg.querySelector(`.point[data-index="${index}"]`)?.focus(); }

  #tell() {
    this.render();
    this.changed();
  }

  #inside([u, v]) {
    const [w, h] = this.size;
    const round = (x, most) => Math.round(Math.min(most, Math.max(0, x)) * 10) / 10;
    return [round(u, w), round(v, h)];
  }

  // ---- pointer and keys

  #at(event) {
    const box = this.svg.getBoundingClientRect();
    const [w, h] = this.size;
    return [(event.clientX - box.left) * w / box.width, (event.clientY - box.top) * h / box.height];
  }

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const at = this.#at(event);
    const hit = event.target.closest('.point');
    if (hit) {
      const index = Number(hit.dataset.index);
      this.#keep();
      this.selected = index;
      this.#tell();
    } else this.add(at);
    const named = !hit && this.points[this.selected].name !== null; // its landmark was picked before
    const { image } = this.points[this.selected];
    this.#drag = { index: this.selected, from: at, image, by: event.pointerType === 'touch' ? FINE : 1, moved: !hit, named };
    this.svg.setPointerCapture(event.pointerId);
    this.focus(this.selected);
    this.#magnify(this.points[this.selected].image, event.pointerType === 'touch');
  }

  #move(event) {
    const at = this.#at(event);
    if (!this.#drag) {
      if (event.pointerType === 'mouse') this.#magnify(at, false);
      return;
    }
    const { index, from, image, by } = this.#drag;
    this.#drag.moved = true;
    this.points[index].image = this.#inside([image[0] + (at[0] - from[0]) * by, image[1] + (at[1] - from[1]) * by]);
    this.#magnify(this.points[index].image, event.pointerType === 'touch');
    this.#tell();
    this.focus(index);
  }

  #up(event) {
    if (!this.#drag) return;
    if (!this.#drag.moved) this.#undo.pop(); // only chosen
    if (this.#drag.named) this.selected = -1; // whole: the next landmark is for the next point
    this.#drag = null;
    if (event.pointerType !== 'mouse') this.lens.hidden = true;
    this.#tell();
  }

  #key(event) {
    const index = Number(event.target.closest?.('.point')?.dataset.index ?? NaN);
    const point = this.points[index];
    if (!point || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 1;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    this.selected = index;
    if (by) {
      this.#keep();
      point.image = this.#inside([point.image[0] + by[0], point.image[1] + by[1]]);
      this.#magnify(point.image, false);
      clearTimeout(this.#lensTimer);
      this.#lensTimer = setTimeout(() => { if (!this.#drag) this.lens.hidden = true; }, LENS_MS);
      this.#tell();
      this.focus(index);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.remove(index);
      this.focus(this.selected);
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#tell();
      this.toName(index);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- painting

  /** The picture around a px, enlarged, beside the place and never under the finger. */
  #magnify([u, v], touch) {
    const box = this.svg.getBoundingClientRect();
    const [w, h] = this.size;
    const x = u * box.width / w, y = v * box.height / h;
    const away = touch ? 2 * APART : APART;
    const left = x + away + LENS < box.width ? x + away : x - away - LENS;
    const top = Math.min(Math.max(y - away - LENS, 0), box.height - LENS);
    this.lens.hidden = false;
    this.lens.style.left = `${left}px`;
    this.lens.style.top = `${y - away - LENS < 0 && !touch ? Math.min(y + away, box.height - LENS) : top}px`;
    const c = this.lens.getContext('2d');
    const side = this.lens.width;
    const span = LENS / ZOOM * w / box.width; // px of the picture across
    c.fillStyle = '#07090c';
    c.fillRect(0, 0, side, side);
    c.drawImage(this.image, u - span / 2, v - span / 2, span, span, 0, 0, side, side);
    c.lineWidth = 2;
    for (const [style, off] of [['rgb(0 0 0 / .7)', 1.5], ['#ffffff', 0]]) {
      c.strokeStyle = style;
      c.beginPath();
      c.moveTo(side / 2 + off, 0);
      c.lineTo(side / 2 + off, side);
      c.moveTo(0, side / 2 + off);
      c.lineTo(side, side / 2 + off);
      c.stroke();
    }
  }

  #point(point, index, px, error) {
    const [u, v] = point.image;
    const named = Boolean(point.name);
    const label = t('cal.point', { n: num(index + 1), name: named ? landmarkName(point.name) : t('cal.unnamed'), x: num(u), y: num(v) });
    const r = 8 * px;
    const right = u < this.size[0] - 60 * px;
    return shape('g', { class: 'point', tabindex: 0, role: 'button', 'aria-label': label, 'aria-pressed': index === this.selected,
      'data-index': index, 'data-named': named, 'data-out': error > this.limit },
    shape('circle', { class: 'grip', cx: u, cy: v, r: 13 * px }), shape('circle', { cx: u, cy: v, r }),
    shape('path', { class: 'cross', d: `M${u - r} ${v}h${2 * r}M${u} ${v - r}v${2 * r}` }),
    shape('text', { x: u + (right ? 1 : -1) * 12 * px, y: v - 6 * px, 'font-size': 13 * px, 'text-anchor': right ? 'start' : 'end' }, named ? num(index + 1) : '?'));
  }

  /** From where a point was clicked to where the view has it, drawn longer than it is. */
  #misses() {
    if (!this.#view || this.#force) return [];
    const out = [];
    for (const { image, name } of this.named) {
      const mark = this.landmarks.find((l) => l.name === name);
      const there = mark && toPicture(this.#view, mark.pitch);
      if (there && Math.abs(there[0]) < LONG && Math.abs(there[1]) < LONG) out.push([image, there]);
    }
    return out;
  }

  render() {
    const [w, h] = this.size;
    const { width } = this.svg.getBoundingClientRect();
    if (!w || !width) return;
    const px = w / width; // of the picture in one CSS pixel
    this.svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
    const lines = this.lines.map((line) => line.filter(([u, v]) => Math.abs(u) < LONG && Math.abs(v) < LONG)).filter((line) => line.length > 1);
    const parts = lines.length ? [shape('path', { class: 'under', d: d(lines) }), shape('path', { class: this.#force ? 'line force' : 'line', d: d(lines) })] : [];
    let n = 0;
    const points = this.points.map((point, i) => this.#point(point, i, px, point.name ? this.#errors[n++] ?? 0 : 0));
    const focused = this.svg.contains(document.activeElement) ? document.activeElement.dataset.index : null;
    this.svg.replaceChildren(...parts, shape('path', { class: 'miss', d: d(this.#misses()) }), ...points);
    if (focused !== null) this.focus(Math.min(Number(focused), this.points.length - 1));
  }
}
