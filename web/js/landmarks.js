// Points of a pitch that have names: their words, and the drawn pitch on which one is picked.
import { t, num } from './i18n.js';
import { el, shape } from './page.js';
import { goals, markings } from './pitch_lines.js';

const MARGIN = 5; // metres around the pitch
const REACH = 7; // metres: a click further away from all points means none
const UNSEEN = /_at_goal_area$/; // nothing is drawn there

/** "corner of the penalty area, left near" of left_near_penalty_area_corner. */
export function landmarkName(name) {
  const [, side, depth, what] = name.match(/^(?:(left|right)_)?(?:(near|far)_)?(.+)$/);
  const where = [side, depth].filter(Boolean).map((word) => t(`mark.${word}`)).join(' ');
  return where ? t('mark.name', { what: t(`mark.${what}`), where }) : t(`mark.${what}`);
}

/** Those that can be seen, from the left to the right goal, far ones first. */
export function usable(landmarks) {
  return landmarks.filter(({ name }) => !UNSEEN.test(name)).sort((a, b) => a.pitch[0] - b.pitch[0] || b.pitch[1] - a.pitch[1]);
}

/** The list by name: a group for each part of the pitch. */
export function fillSelect(select, landmarks, length, chosen) {
  const part = ({ pitch: [x] }) => (x < length / 3 ? 'left' : x > length * 2 / 3 ? 'right' : 'middle');
  const groups = ['left', 'middle', 'right'].map((name) => {
    const group = el('optgroup', { label: t(`mark.part.${name}`) });
    group.append(...landmarks.filter((mark) => part(mark) === name).map((mark) => el('option', { value: mark.name }, landmarkName(mark.name))));
    return group;
  });
  select.replaceChildren(el('option', { value: '' }, t('cal.choose')), ...groups);
  select.value = chosen ?? '';
}

export class PitchPicker {
  /** `picked(name)` when a landmark is clicked, `near(name | null)` while the pointer is over one. */
  constructor(svg, { picked, near }) {
    Object.assign(this, { svg, landmarks: [], length: 105, width: 68 });
    svg.addEventListener('pointermove', (event) => this.#hover(this.#at(event), near));
    svg.addEventListener('pointerleave', () => this.#hover(null, near));
    svg.addEventListener('click', (event) => {
      const found = this.#at(event);
      if (found) picked(found);
    });
  }

  #spots = new Map(); // name → circle
  #near = null;

  set(landmarks, [length, width]) {
    Object.assign(this, { landmarks, length, width });
    this.svg.setAttribute('viewBox', `${-MARGIN} ${-MARGIN} ${length + 2 * MARGIN} ${width + 2 * MARGIN}`);
    const d = [...markings(length, width), ...goals(length, width)]
      .map((line) => `M${line.map(([x, y]) => `${x.toFixed(2)} ${(width - y).toFixed(2)}`).join('L')}`).join('');
    this.#spots = new Map(landmarks.map(({ name, pitch: [x, y] }) => [name, shape('circle', { class: 'spot', cx: x, cy: width - y, r: 0.9 })]));
    this.svg.replaceChildren(shape('path', { d }), ...this.#spots.values(), shape('g'));
  }

  /** points: [{name}], and which landmark is asked about. */
  mark(points, on) {
    const used = new Map(points.map((point, i) => [point.name, i]));
    for (const [name, spot] of this.#spots) {
      spot.dataset.used = used.has(name);
      spot.dataset.on = name === on;
      spot.setAttribute('r', used.has(name) || name === on ? 1.5 : 0.9);
    }
    const texts = this.landmarks.filter(({ name }) => used.has(name))
      .map(({ name, pitch: [x, y] }) => shape('text', { x, y: this.width - y + (y > this.width - 4 ? 5.2 : -2.2) }, num(used.get(name) + 1)));
    this.svg.lastChild.replaceChildren(...texts);
  }

  #at(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = (this.length + 2 * MARGIN) / box.width;
    const x = (event.clientX - box.left) * scale - MARGIN;
    const y = this.width - ((event.clientY - box.top) * scale - MARGIN);
    let best = null, least = REACH;
    for (const { name, pitch } of this.landmarks) {
      const far = Math.hypot(pitch[0] - x, pitch[1] - y);
      if (far < least) [best, least] = [name, far];
    }
    return best;
  }

  #hover(name, near) {
    if (name === this.#near) return;
    if (this.#near) this.#spots.get(this.#near).dataset.near = false;
    this.#near = name;
    if (name) this.#spots.get(name).dataset.near = true;
    near(name);
  }
}
