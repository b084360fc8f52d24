// Picture and boxes on the canvas. Both go down in one call: they reach the screen together.
import { drawCorners, drawMask, drawPose } from './draw_details.js';
import { num, t } from './i18n.js';

// Ten colours that stay apart for colour-blind eyes; all light enough for dark letters on them.
const PALETTE = ['#56b4e9', '#f0a30a', '#1fc99a', '#f2e55c', '#e58fc0', '#ff8560', '#b9adff', '#a4e06a', '#ffffff', '#ffb3a7'];
const EDGE = 'rgb(0 0 0 / .8)';
const INK = '#06131c';
const BEST = 3; // classes of a classifier
const PILL = 48; // CSS pixels that the state pill takes at the top
const SMALL = 600; // CSS pixels: narrower pictures get smaller letters

/** Size in CSS pixels of a width × height picture inside a boxW × boxH stage. */
export function contain(width, height, boxW, boxH) {
  const scale = Math.min(boxW / width, boxH / height);
  return [Math.round(width * scale), Math.round(height * scale)];
}

const percent = (share) => `${num(share * 100)}${t('percent')}`;

function label(d, labels) {
  const words = [d.class ?? labels?.[d.class_id] ?? `${d.class_id}`, percent(d.confidence)];
  if (d.track_id !== undefined && d.track_id !== null) words.push(`#${num(d.track_id)}`);
  return words.join(' ');
}

function drawLabel(context, words, x, y, colour, px, letters) {
  const { width } = context.canvas;
  const w = context.measureText(words).width + 10 * px;
  const h = (letters + 7) * px;
  const left = Math.max(0, Math.min(x - px, width - w));
  const top = y - h >= 0 ? y - h : y; // inside the box where there is no room above
  context.fillStyle = colour;
  context.fillRect(left, top, w, h);
  context.fillStyle = INK;
  context.fillText(words, left + 5 * px, top + h / 2 + px / 2);
}

/** What a classifier says of the whole picture: its best classes, top left, below the state pill. */
function drawClasses(context, classes, names, px, letters) {
  classes.slice(0, BEST).forEach((c, i) => {
    const y = (PILL + (i + 1) * (letters + 10)) * px;
    drawLabel(context, label(c, names), 13 * px, y, PALETTE[c.class_id % PALETTE.length], px, letters);
  });
}

/** The upright box that a label belongs to. */
function boxOf(d, sx, sy) {
  const [x1, y1, x2, y2] = d.box;
  return [x1 * sx, y1 * sy, (x2 - x1) * sx, (y2 - y1) * sy];
}

function drawBox(context, place, colour, px) {
  context.strokeStyle = EDGE;
  context.lineWidth = 4 * px;
  context.strokeRect(...place);
  context.strokeStyle = colour;
  context.lineWidth = 2 * px;
  context.strokeRect(...place);
}

/** options: {boxes, labels (bool), names, classes}; px = canvas pixels of one CSS pixel. */
export function paint(context, bitmap, detections, { boxes, labels, names, classes, px }) {
  const { width, height } = context.canvas;
  context.drawImage(bitmap, 0, 0, width, height);
  if (!boxes || !(detections?.length || classes?.length)) return;
  const sx = width / bitmap.width;
  const sy = height / bitmap.height;
  const letters = width / px < SMALL ? 10 : 12;
  context.font = `600 ${letters * px}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.textAlign = 'left'; // whatever the page's direction: the place is computed
  context.direction = 'ltr';
  context.lineJoin = 'round';
  const found = detections ?? [];
  const places = found.map((d) => boxOf(d, sx, sy));
  const colours = found.map((d) => PALETTE[d.class_id % PALETTE.length]);
  found.forEach((d, i) => d.mask && drawMask(context, d.mask.polygon, colours[i], sx, sy, px));
  found.forEach((d, i) => {
    if (d.corners) drawCorners(context, d.corners, colours[i], sx, sy, px);
    else drawBox(context, places[i], colours[i], px);
    if (d.keypoints) drawPose(context, d.keypoints, colours[i], sx, sy, places[i][3], px);
  });
  if (!labels) return; // over all boxes: a label is never crossed out by a line
  found.forEach((d, i) => drawLabel(context, label(d, names), places[i][0], places[i][1], colours[i], px, letters));
  drawClasses(context, classes ?? [], names, px, letters);
}
