// What models of other tasks add to boxes: masks, poses, turned boxes.
const EDGE = 'rgb(0 0 0 / .8)';
const SEEN = 0.3; // a keypoint less sure than this is not drawn
const VEIL = 0.45; // how much of its colour a mask has; the picture stays readable below
// Lines between COCO's 17 keypoints; other poses are dots only.
const SKELETON = [[15, 13], [13, 11], [16, 14], [14, 12], [11, 12], [5, 11], [6, 12], [5, 6], [5, 7], [7, 9], [6, 8], [8, 10],
  [0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6]];

function trace(context, points, sx, sy) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x * sx, y * sy);
  context.closePath();
}

/** The mask's ground and its outline; it lies under every box and label. */
export function drawMask(context, polygon, colour, sx, sy, px) {
  trace(context, polygon, sx, sy);
  context.globalAlpha = VEIL;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * px;
  context.stroke();
}

/** A line with a dark edge around four corners instead of an upright box. */
export function drawCorners(context, corners, colour, sx, sy, px) {
  trace(context, corners, sx, sy);
  context.strokeStyle = EDGE;
  context.lineWidth = 4 * px;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 2 * px;
  context.stroke();
}

function drawBones(context, points, style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.beginPath();
  for (const [from, to] of SKELETON) {
    if (!points[from][2] || !points[to][2]) continue;
    context.moveTo(points[from][0], points[from][1]);
    context.lineTo(points[to][0], points[to][1]);
  }
  context.stroke();
}

function drawDots(context, points, style, radius) {
  context.fillStyle = style;
  for (const [x, y, seen] of points) {
    if (!seen) continue;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/** Dots with a white rim, joined where they are a person's; finer for people who are `high` px only. */
export function drawPose(context, keypoints, colour, sx, sy, high, pixel) {
  const px = pixel * Math.min(1, Math.max(0.4, high / (pixel * 140)));
  const points = keypoints.map(([x, y, score]) => [x * sx, y * sy, (score ?? 1) >= SEEN]);
  context.lineCap = 'round';
  if (points.length === 17) {
    drawBones(context, points, EDGE, 4 * px);
    drawBones(context, points, colour, 2 * px);
  }
  drawDots(context, points, EDGE, 4 * px);
  drawDots(context, points, '#ffffff', 3.2 * px);
  drawDots(context, points, colour, 2.2 * px);
}
