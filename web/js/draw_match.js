// People and the ball on the picture, for Player: boxes in the colours of the teams, a mark and a number above them.
import { paint } from './draw.js';
import { num } from './i18n.js';
import { looks, mark } from './kit.js';
import { carry, markings, project, viewOf } from './pitch_lines.js';

const EDGE = 'rgb(0 0 0 / .8)';
const BALL = '#ffffff';
const TRAIL_MS = 1200; // of the ball
const TRAIL = 40;
const SMALL = 600; // CSS pixels: narrower pictures get smaller letters

function drawBox(context, [x, y, w, h], look, lost, px, chosen) {
  if (chosen) { // pointed out: a light frame around it
    context.strokeStyle = '#ffffff';
    context.lineWidth = 3 * px;
    context.strokeRect(x - 4 * px, y - 4 * px, w + 8 * px, h + 8 * px);
  }
  context.setLineDash(lost ? [5 * px, 4 * px] : []);
  context.strokeStyle = EDGE;
  context.lineWidth = 3.5 * px;
  context.strokeRect(x, y, w, h);
  context.strokeStyle = look.colour;
  context.lineWidth = 2 * px;
  context.strokeRect(x, y, w, h);
  context.setLineDash([]);
}

/** Above the box: the mark of the team and the number, on a dark ground. */
function drawChip(context, track, look, [x, y, w], px, letters) {
  const words = num(track.track_id);
  const high = (letters + 5) * px;
  const radius = letters * 0.36 * px;
  const gap = letters * 0.28 * px;
  const wide = context.measureText(words).width + 2 * radius + 3 * gap;
  const left = Math.max(0, Math.min(x + w / 2 - wide / 2, context.canvas.width - wide));
  const top = y - high - 3 * px >= 0 ? y - high - 3 * px : y + 2 * px;
  context.fillStyle = 'rgb(7 9 12 / .78)';
  context.fillRect(left, top, wide, high);
  mark(context, look.keeper ? { ...look, keeper: false } : look, left + gap + radius, top + high / 2, radius, px * 0.8);
  context.fillStyle = '#ffffff';
  context.fillText(words, left + 2 * gap + 2 * radius, top + high / 2 + px / 2);
  if (!look.keeper) return;
  context.fillStyle = look.colour; // a goalkeeper's has a line below
  context.fillRect(left, top + high, wide, 2 * px);
}

/** Where the ball was in the pictures before, carried to this one where views say how the camera turned. */
export class BallTrail {
  #past = []; // {at, xy: null without a ball, view}, oldest first

  add(result, at, width, height) {
    const view = viewOf(result.pitch_m, width, height);
    const { ball } = result;
    this.#past.push({ at, xy: ball?.xy ?? null, view });
    while (this.#past.length > TRAIL || this.#past[0].at < at - TRAIL_MS) this.#past.shift();
  }

  clear() { this.#past = []; }

  /** Lists of px, oldest first; a gap ends one. */
  lines() {
    const last = this.#past.at(-1);
    const out = [[]];
    for (const { xy, view } of this.#past) {
      const px = xy && (view && last.view ? carry(view, last.view, xy) : xy);
      if (px) out.at(-1).push(px);
      else if (out.at(-1).length) out.push([]);
    }
    return out.filter((line) => line.length > 1);
  }
}

/** Where the view has the pitch: on the lines of the picture, when it is right. */
function drawLines(context, result, { width, height }, sx, sy, px) {
  const view = viewOf(result.pitch_m, width, height);
  if (!view) return;
  context.beginPath();
  for (const line of project(view, markings(...result.pitch_m.size))) {
    line.forEach(([u, v], i) => (i ? context.lineTo(u * sx, v * sy) : context.moveTo(u * sx, v * sy)));
  }
  for (const [style, wide] of [['rgb(7 9 12 / .6)', 3.5], ['#4cc2ff', 1.5]]) {
    context.strokeStyle = style;
    context.lineWidth = wide * px;
    context.stroke();
  }
}

function drawBall(context, ball, trail, sx, sy, px) {
  context.lineCap = 'round';
  for (const [style, width] of [[EDGE, 4 * px], [BALL, 2 * px]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    for (const line of trail) {
      context.beginPath();
      line.forEach(([u, v]) => context.lineTo(u * sx, v * sy));
      context.stroke();
    }
  }
  if (!ball) return;
  const x = ball.xy[0] * sx, y = ball.xy[1] * sy;
  const r = Math.max(7 * px, (ball.size_px ?? 0) * sx / 2 + 4 * px);
  if (ball.state !== 'seen') context.setLineDash([3 * px, 3 * px]);
  for (const [style, width] of [[EDGE, 4 * px], [BALL, 2 * px]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
  if (ball.height !== 'in_air') return;
  context.beginPath(); // an arrow up: in the air
  context.moveTo(x - 4 * px, y - r - 4 * px);
  context.lineTo(x, y - r - 9 * px);
  context.lineTo(x + 4 * px, y - r - 4 * px);
  context.stroke();
}

/** As paint() in draw.js; `trail`: a BallTrail. A result without people of a match is painted as any other. */
export function paintMatch(context, bitmap, detections, options) {
  const { boxes, labels, lines, px, result, trail, trails, chosen } = options;
  if (!result?.tracks) { paint(context, bitmap, detections, options); return; }
  const { width, height } = context.canvas;
  context.drawImage(bitmap, 0, 0, width, height);
  if (!boxes) return;
  const sx = width / bitmap.width;
  const sy = height / bitmap.height;
  const letters = width / px < SMALL ? 8 : 11;
  const look = looks(result.teams);
  const place = ({ box: [x1, y1, x2, y2] }) => [x1 * sx, y1 * sy, (x2 - x1) * sx, (y2 - y1) * sy];
  context.font = `600 ${letters * px}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.textAlign = 'left'; // whatever the page's direction: the place is computed
  context.direction = 'ltr';
  context.lineJoin = 'round';
  if (lines) drawLines(context, result, bitmap, sx, sy, px);
  for (const track of result.tracks) {
    context.globalAlpha = track.state === 'lost' ? 0.6 : 1;
    drawBox(context, place(track), look(track), track.state === 'lost', px, track.track_id === chosen);
  }
  context.globalAlpha = 1;
  drawBall(context, result.ball, trails ? trail.lines() : [], sx, sy, px);
  if (!labels) return; // over all boxes
  for (const track of [...result.tracks].sort((a, b) => a.box[3] - b.box[3])) { // who is nearer on top
    context.globalAlpha = track.state === 'lost' ? 0.6 : 1;
    drawChip(context, track, look(track), place(track), px, letters);
  }
  context.globalAlpha = 1;
}
