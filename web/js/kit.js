// How a person looks on the picture, on the pitch and in the table: a colour, and a shape that says the same.
import { shape } from './page.js';

const GREY = '#c3cad5';
const OFFICIAL = '#f2e55c';
const DARK = '#06131c';
const LIGHT = '#ffffff';

/** 0 black to 1 white, as eyes weigh it. */
function brightness(colour) {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const kits = new Map(); // colour → {colour, ink, rim}: few, they change with the light only

function kit(colour) {
  let found = kits.get(colour);
  if (!found) {
    const bright = brightness(colour) > 0.3;
    found = { colour, ink: bright ? DARK : LIGHT, rim: bright ? DARK : LIGHT };
    if (kits.size > 200) kits.clear();
    kits.set(colour, found);
  }
  return found;
}

const NOBODY = { ...kit(GREY), shape: 'ring' };

/** Of a team: circle and square. `sides`: teams.sides of a result. */
export function lookOfSide(side, sides) {
  const colour = sides?.find((s) => s.side === side)?.color;
  return { ...kit(/^#[0-9a-f]{6}$/i.test(colour) ? colour : GREY), shape: side === 'first' ? 'circle' : 'square' };
}

/** Of all people of a result: look(track) → {colour, ink, rim, shape, keeper}. */
export function looks(teams) {
  const of = { first: lookOfSide('first', teams?.sides), second: lookOfSide('second', teams?.sides) };
  const keepers = { first: { ...of.first, keeper: true }, second: { ...of.second, keeper: true } };
  const other = { ...NOBODY, keeper: true };
  const referee = { ...kit(OFFICIAL), shape: 'triangle' };
  return (track) => {
    if (track.class === 'referee') return referee;
    if (track.class === 'goalkeeper') return keepers[track.team] ?? other;
    return of[track.team] ?? NOBODY;
  };
}

/** The outline of a form of radius r around x, y, as the path of a canvas. */
export function outline(context, form, x, y, r) {
  context.beginPath();
  if (form === 'square') context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  else if (form === 'triangle') {
    context.moveTo(x, y - 1.15 * r);
    context.lineTo(x + 1.15 * r, y + 0.85 * r);
    context.lineTo(x - 1.15 * r, y + 0.85 * r);
    context.closePath();
  } else context.arc(x, y, r, 0, 2 * Math.PI);
}

/** A person's mark: filled with its colour, a dark and a light edge so that it reads on any ground. Goalkeepers have a
 * second edge, who is of no team is hollow, and so is who is lost: the caller sets a dashed line. */
export function mark(context, look, x, y, r, px, lost = false) {
  const hollow = look.shape === 'ring' || lost;
  outline(context, look.shape, x, y, r);
  context.fillStyle = hollow ? 'rgb(7 9 12 / .6)' : look.colour;
  context.fill();
  context.lineWidth = 1.5 * px;
  context.strokeStyle = hollow ? look.colour : look.rim;
  context.stroke();
  if (!look.keeper) return;
  outline(context, look.shape, x, y, r + 3 * px);
  context.strokeStyle = look.colour;
  context.lineWidth = 1.5 * px;
  context.stroke();
}

const PATHS = {
  circle: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z', square: 'M2.5 2.5h11v11h-11z', triangle: 'M8 1.5 15 14H1z', ring: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3z',
};

/** The same mark as an SVG of 16 x 16, for text. */
export function icon(look) {
  const svg = shape('svg', { viewBox: look.keeper ? '-3 -3 22 22' : '0 0 16 16', class: 'mark', 'aria-hidden': 'true', 'data-shape': look.shape });
  const ring = look.shape === 'ring';
  svg.append(shape('path', { d: PATHS[look.shape], fill: ring ? 'none' : look.colour, stroke: ring ? look.colour : 'var(--quiet)', 'stroke-width': ring ? 2.5 : 1 }));
  if (look.keeper) svg.append(shape('rect', { x: -2, y: -2, width: 20, height: 20, rx: look.shape === 'square' ? 1 : 10, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5 }));
  return svg;
}
