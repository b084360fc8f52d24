// The markings of a pitch in metres, and where a view puts them in a picture. Metres as the server has them: the
// origin is the corner at the left on the camera's side, x along the touch line, y away from the camera.
const AREA = 16.5;
const AREA_HALF = 20.16;
const GOAL_AREA = 5.5;
const GOAL_AREA_HALF = 9.16;
const POST = 3.66;
const GOAL_DEEP = 2;
const CIRCLE = 9.15;
const SPOT = 11;
const STEP = 2; // metres between the points of a projected line: it may be bent

function arc(x, y, radius, from, to, steps = 48) {
  return Array.from({ length: steps + 1 }, (_, i) => {
    const a = from + (to - from) * i / steps;
    return [x + radius * Math.cos(a), y + radius * Math.sin(a)];
  });
}

const box = (x, y, width, height) => [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]];

/** What lies before the left goal, turned to the right one by `flip`. */
function half(width, flip) {
  const middle = width / 2;
  const reach = Math.acos((AREA - SPOT) / CIRCLE);
  return [
    box(0, middle - AREA_HALF, AREA, 2 * AREA_HALF), box(0, middle - GOAL_AREA_HALF, GOAL_AREA, 2 * GOAL_AREA_HALF),
    arc(SPOT, middle, CIRCLE, -reach, reach, 24), arc(SPOT, middle, 0.15, 0, 2 * Math.PI, 8),
    arc(0, 0, 1, 0, Math.PI / 2, 6), arc(0, width, 1, -Math.PI / 2, 0, 6),
  ].map((line) => line.map(flip));
}

/** Lines of a pitch of that size by the Laws of the Game, each a list of [x, y]. */
export function markings(length, width) {
  const middle = width / 2;
  return [
    box(0, 0, length, width), [[length / 2, 0], [length / 2, width]],
    arc(length / 2, middle, CIRCLE, 0, 2 * Math.PI), arc(length / 2, middle, 0.15, 0, 2 * Math.PI, 8),
    ...half(width, (p) => p), ...half(width, ([x, y]) => [length - x, y]),
  ];
}

/** The goals behind the goal lines, for a pitch seen from above. */
export function goals(length, width) {
  const y = width / 2 - POST;
  return [box(-GOAL_DEEP, y, GOAL_DEEP, 2 * POST), box(length, y, GOAL_DEEP, 2 * POST)];
}

/** The view that a server tells with `known`, `matrix`, `k1`, of a picture of that size; null while none is known. */
export function viewOf(told, width, height) {
  return told?.known && told.matrix ? { matrix: told.matrix, k1: told.k1 ?? 0, width, height } : null;
}

/** view: {matrix (metres to px, straight), k1, width, height}. Where the lens bends a straight px to. */
function bend({ k1, width, height }, u, v) {
  if (!k1) return [u, v];
  const x = u - width / 2, y = v - height / 2;
  const r2 = (x * x + y * y) / ((width * width + height * height) / 4);
  if (1 + 3 * k1 * r2 <= 0) return null; // so far out that the term has no sense
  const by = 1 + k1 * r2;
  return [width / 2 + x * by, height / 2 + y * by];
}

/** Px of a place on the ground, or null: behind the camera. */
export function toPicture(view, [x, y]) {
  const m = view.matrix;
  const w = m[6] * x + m[7] * y + m[8];
  if (w <= 1e-9) return null;
  return bend(view, (m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w);
}

function unbend({ k1, width, height }, [u, v]) {
  if (!k1) return [u, v];
  const x = u - width / 2, y = v - height / 2;
  const diagonal2 = (width * width + height * height) / 4;
  let by = 1;
  for (let i = 0; i < 12; i++) by = 1 + k1 * (x * x + y * y) / (by * by) / diagonal2;
  return [width / 2 + x / by, height / 2 + y / by];
}

function inverse([a, b, c, d, e, f, g, h, i]) {
  const n = [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d];
  const det = a * n[0] + b * n[3] + c * n[6];
  return det ? n.map((v) => v / det) : null;
}

function times(m, p) {
  return [0, 3, 6].map((r) => m[r] * p[0] + m[r + 1] * p[1] + m[r + 2] * p[2]);
}

/** What one picture shows at a px, in another picture of the same camera that has turned: px or null. The ground's
 * views say how it turned, and that holds for everything seen, also for what is in the air. */
export function carry(from, to, px) {
  const back = inverse(from.matrix);
  if (!back) return null;
  const [u, v, w] = times(to.matrix, times(back, [...unbend(from, px), 1]));
  return w > 1e-9 ? bend(to, u / w, v / w) : null;
}

/** The place on the ground that a px shows, or null: none. */
export function toGround(view, px) {
  const back = inverse(view.matrix);
  if (!back) return null;
  const [x, y, w] = times(back, [...unbend(view, px), 1]);
  return w > 1e-12 ? [x / w, y / w] : null;
}

/** The same line with places between its own, near enough for it to be bent. */
function fine(line) {
  return line.flatMap(([x, y], i) => {
    const [x0, y0] = line[Math.max(0, i - 1)];
    const n = Math.max(1, Math.ceil(Math.hypot(x - x0, y - y0) / STEP));
    return Array.from({ length: n }, (_, k) => [x0 + (x - x0) * (k + 1) / n, y0 + (y - y0) * (k + 1) / n]);
  });
}

/** Lines in metres to lines in px: cut where they run behind the camera, fine enough to be bent. */
export function project(view, lines) {
  const out = [];
  for (const line of lines) {
    let run = [];
    for (const place of fine(line)) {
      const px = toPicture(view, place);
      if (px) run.push(px);
      else { if (run.length > 1) out.push(run); run = []; }
    }
    if (run.length > 1) out.push(run);
  }
  return out;
}

/** A line or, closed, an area in metres to px, as one piece: what is behind the camera or too near to it is cut off. */
export function projectShape(view, places, closed) {
  const m = view.matrix;
  const depth = ([x, y]) => m[6] * x + m[7] * y + m[8];
  const least = 0.02 * Math.max(...places.map(depth));
  if (!(least > 0)) return [];
  const seen = [];
  places.forEach((p, i) => {
    const q = places[(i + 1) % places.length], a = depth(p), b = depth(q);
    if (a >= least) seen.push(p);
    if ((a >= least) === (b >= least) || (!closed && i === places.length - 1)) return;
    const t = (least - a) / (b - a);
    seen.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
  });
  const edge = closed && seen.length ? [...seen, seen[0]] : seen;
  return (view.k1 ? fine(edge) : seen).map((place) => toPicture(view, place)).filter(Boolean);
}
