// Draws zones over a picture and lets them be drawn: points are shares of the picture, 0 to 1.
import { shape } from './page.js';
import { projectShape } from './pitch_lines.js';

const NEAR = 14; // px around the first corner that close a zone
const STEP = 0.01;
const ARROW = 30; // px
const FINE = 1e6;

const SNAP = 8; // px to the picture's edge that count as on it: feet often stand at the very bottom

/** A place along a side of `size` px as a share of it. */
const share = (px, size) => inside(px < SNAP ? 0 : px > size - SNAP ? 1 : px / size);
const inside = (v) => Math.min(1, Math.max(0, Math.round(v * FINE) / FINE));

/** From a line's middle to its right, as seen from its first point to its second: where `in` leads. */
function aside([[ax, ay], [bx, by]]) {
  const long = Math.hypot(bx - ax, by - ay) || 1;
  return { x: (ax + bx) / 2, y: (ay + by) / 2, dx: (ay - by) / long, dy: (bx - ax) / long };
}

/** A line's name stands at its beginning, on the side where its arrow is not. */
function beside([[ax, ay], [bx, by]]) {
  const { dx, dy } = aside([[ax, ay], [bx, by]]);
  const x = ax + 0.2 * (bx - ax) - 14 * dx, y = ay + 0.2 * (by - ay) - 14 * dy + 4;
  return { x, y, 'text-anchor': dx > 0.3 ? 'end' : dx < -0.3 ? 'start' : 'middle' };
}

/** Twice the area; a line has none. */
const area = (points) => Math.abs(points.reduce((sum, [x, y], i) => {
  const [u, v] = points[(i + 1) % points.length];
  return sum + x * v - u * y;
}, 0));

export class ZoneEditor {
  /** `changed()` after each change of the zones, `drawing(kind | null, points)` while one is drawn. */
  constructor(frame, svg, { changed, drawing, label }) {
    Object.assign(this, { frame, svg, changed, drawing, label, zones: [], selected: -1, draft: null, up: new Set(), counts: new Map(), view: null, drag: null });
    svg.addEventListener('pointerdown', (e) => this.down(e));
    svg.addEventListener('pointermove', (e) => this.move(e));
    svg.addEventListener('pointerup', () => { this.drag = null; });
    svg.addEventListener('dblclick', () => this.close());
    svg.addEventListener('keydown', (e) => this.key(e));
  }

  set(zones) {
    this.zones = structuredClone(zones);
    this.selected = -1;
    this.cancel();
    this.render();
  }

  select(index) {
    if (this.selected === index) return;
    this.selected = index;
    this.render();
    this.changed();
  }

  /** Starts drawing by clicks. */
  begin(kind) {
    this.draft = { kind, points: [] };
    this.selected = -1;
    this.tell();
  }

  rectangle() {
    this.add('polygon', [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]]);
    this.svg.querySelector('.corner')?.focus();
  }

  cancel() {
    if (!this.draft) return;
    this.draft = null;
    this.tell();
  }

  /** The zone that is drawn is whole. */
  close() {
    const draft = this.draft;
    if (!draft || draft.points.length < (draft.kind === 'line' ? 2 : 3)) return;
    this.draft = null;
    this.add(draft.kind, draft.points);
    this.tell();
  }

  /** The corner that was set last is taken back. */
  back() {
    if (!this.draft) return;
    this.draft.points.pop();
    this.tell();
  }

  tell() {
    this.frame.toggleAttribute('data-drawing', this.draft !== null);
    this.drawing(this.draft?.kind ?? null, this.draft?.points.length ?? 0);
    this.render();
  }

  add(kind, points) {
    const taken = new Set(this.zones.map((z) => z.name));
    let n = this.zones.length + 1;
    while (taken.has(this.label(n))) n++;
    this.zones.push({ name: this.label(n), kind, space: 'picture', points });
    this.selected = this.zones.length - 1;
    this.render();
    this.changed();
  }

  /** A line leads the other way: what was in is out. */
  turn(index) {
    this.zones[index].points.reverse();
    this.render();
    this.changed();
  }

  /** Which part of the pitch the picture shows, as viewOf() in pitch_lines.js tells it. */
  look(view) {
    this.view = view;
    if (!this.draft && !this.svg.contains(document.activeElement) && this.drag === null) this.render();
  }

  /** How often lines were crossed, as texts: name → { in, out }. */
  count(counts) {
    this.counts = counts;
    for (const e of this.svg.querySelectorAll('[data-count]')) e.textContent = counts.get(e.dataset.count)?.[e.dataset.way] ?? '';
  }

  remove(index) {
    this.zones.splice(index, 1);
    this.selected = -1;
    this.render();
    this.changed();
  }

  // ---- pointer and keys

  at(event) {
    const box = this.svg.getBoundingClientRect();
    return [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
  }

  down(event) {
    if (event.button !== 0) return;
    const { corner, middle, zone } = event.target.dataset;
    if (this.draft) this.place(event);
    else if (corner !== undefined) this.grab(event, Number(corner));
    else if (middle !== undefined) {
      this.zones[this.selected].points.splice(Number(middle) + 1, 0, this.at(event));
      this.grab(event, Number(middle) + 1);
    } else this.select(zone === undefined ? -1 : Number(zone));
  }

  place(event) {
    const [first] = this.draft.points, point = this.at(event);
    const box = this.svg.getBoundingClientRect();
    const near = first && Math.hypot((first[0] - point[0]) * box.width, (first[1] - point[1]) * box.height) < NEAR;
    if (near && this.draft.points.length >= 3) return this.close();
    const last = this.draft.points.at(-1);
    if (!last || last[0] !== point[0] || last[1] !== point[1]) this.draft.points.push(point);
    if (this.draft.kind === 'line' && this.draft.points.length === 2) return this.close();
    return this.tell();
  }

  grab(event, index) {
    event.preventDefault();
    this.drag = index;
    this.svg.setPointerCapture(event.pointerId);
    this.render();
    this.svg.querySelector(`.corner[data-corner="${index}"]`)?.focus();
  }

  move(event) {
    if (this.drag === null || this.selected < 0) return;
    this.zones[this.selected].points[this.drag] = this.at(event);
    this.render(this.drag);
    this.changed();
  }

  key(event) {
    const index = event.target.dataset.corner;
    const zone = this.zones[this.selected];
    if (index === undefined || !zone) return;
    const step = event.shiftKey ? 5 * STEP : STEP;
    const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [0, 0];
    const point = zone.points[index];
    if (dx || dy) zone.points[index] = [inside(point[0] + dx), inside(point[1] + dy)];
    else if ((event.key === 'Delete' || event.key === 'Backspace') && zone.points.length > (zone.kind === 'line' ? 2 : 3)) {
      zone.points.splice(index, 1);
    } else return;
    event.preventDefault();
    this.render(Math.min(Number(index), zone.points.length - 1));
    this.changed();
  }

  // ---- painting

  /** `focus`: the corner that has the keyboard after it; left out, the one that has it now. */
  render(focus = this.focused()) {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width || !height) return;
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const px = (points) => points.map(([x, y]) => [x * width, y * height]);
    const ground = this.view ? this.zones.map((z, i) => i).filter((i) => this.zones[i].space === 'pitch_m') : [];
    const order = this.zones.map((z, i) => i).filter((i) => this.zones[i].space === 'picture').sort((a, b) => area(this.zones[b].points) - area(this.zones[a].points));
    const parts = order.flatMap((i) => this.zoneParts(this.zones[i], i, px(this.zones[i].points))); // small ones on top
    parts.unshift(...ground.flatMap((i) => this.groundParts(this.zones[i], i, px)));
    const zone = this.zones[this.selected];
    if (zone?.space === 'picture') parts.push(...this.handles(zone, px(zone.points)));
    if (this.draft?.points.length) {
      parts.push(shape('polyline', { class: 'draft', points: px(this.draft.points).join(' ') }),
        ...px(this.draft.points).map(([cx, cy]) => shape('circle', { class: 'corner', cx, cy, r: 5 })));
    }
    this.svg.replaceChildren(...parts);
    if (focus !== null) this.svg.querySelector(`.corner[data-corner="${focus}"]`)?.focus();
  }

  /** Index of the corner that has the keyboard, else null: painting makes all corners anew. */
  focused() {
    const active = document.activeElement;
    return this.svg.contains(active) ? active.dataset.corner ?? null : null;
  }

  groundParts(zone, i, px) {
    const { width, height } = this.view;
    const points = px(projectShape(this.view, zone.points, zone.kind === 'polygon').map(([u, v]) => [u / width, v / height]));
    return points.length > 1 ? this.zoneParts(zone, i, points) : [];
  }

  zoneParts(zone, i, points) {
    const tag = zone.kind === 'line' ? 'polyline' : 'polygon';
    const names = ['zone', zone.kind === 'line' && 'line', i === this.selected && 'selected', this.up.has(zone.name) && 'up'];
    const top = points.reduce((a, b) => (b[1] < a[1] ? b : a));
    const ends = zone.kind === 'line' ? [points[0], points.at(-1)] : null; // of one on the ground there may be bends between
    const more = ends ? this.arrow(zone, ends) : [];
    const at = ends ? beside(ends) : { x: points.reduce((sum, p) => sum + p[0], 0) / points.length, y: Math.max(16, top[1] - 8), 'text-anchor': 'middle' };
    return [...more, shape(tag, { class: 'edge', points: points.join(' ') }),
      shape(tag, { class: names.filter(Boolean).join(' '), points: points.join(' '), 'data-zone': i }),
      shape('text', { class: 'zone-name', ...at }, zone.name)];
  }

  /** Which way is in, and how many went there and back. */
  arrow(zone, points) {
    const { x, y, dx, dy } = aside(points);
    const at = (along, beside) => [x + along * dx - beside * dy, y + along * dy + beside * dx].join();
    const head = [at(ARROW - 9, -6), at(ARROW, 0), at(ARROW - 9, 6)].join(' ');
    const numbers = [['in', ARROW + 14], ['out', -16]].map(([way, far]) => shape('text', {
      class: 'count', 'data-count': zone.name, 'data-way': way, x: x + far * dx, y: y + far * dy + 4,
      'text-anchor': far * dx > 8 ? 'start' : far * dx < -8 ? 'end' : 'middle',
    }, this.counts.get(zone.name)?.[way] ?? ''));
    return [['edge', `${at(0, 0)} ${at(ARROW, 0)}`], ['edge', head], ['arrow', `${at(0, 0)} ${at(ARROW, 0)}`], ['arrow', head]]
      .map(([name, line]) => shape('polyline', { class: name, points: line, 'data-arrow': zone.name })).concat(numbers);
  }

  handles(zone, points) {
    const parts = [];
    const edges = zone.kind === 'line' ? 0 : points.length;
    for (let i = 0; i < edges && points.length < 32; i++) {
      const next = points[(i + 1) % points.length];
      parts.push(shape('circle', { class: 'middle', cx: (points[i][0] + next[0]) / 2, cy: (points[i][1] + next[1]) / 2, r: 5, 'data-middle': i }));
    }
    points.forEach(([cx, cy], i) => parts.push(
      shape('circle', { class: 'grip', cx, cy, r: 16, 'data-corner': i }),
      shape('circle', { class: 'corner', cx, cy, r: 7, 'data-corner': i, tabindex: 0, role: 'img', 'aria-label': `${zone.name} ${i + 1}` })));
    return parts;
  }
}
