// One picture of a running stream, that somebody will point at.
import { Link, socketUrl, unpack } from './link.js';

const PATIENCE_MS = 3000;
const KEPT = 8; // pictures whose results are still awaited

/** A picture that was analysed, as {blob, frame}, or null: a view can be set for such a one, not for one that was left out. */
function analysed(room) {
  return new Promise((done) => {
    const waiting = new Map(); // seq → {blob, frame}
    const end = (found) => {
      clearTimeout(timer);
      link.end();
      done(found);
    };
    const timer = setTimeout(() => end(null), PATIENCE_MS);
    const picture = (head, bytes) => {
      waiting.set(head.seq ?? head.frameNumber, { frame: head.frameNumber, blob: new Blob([bytes], { type: `image/${head.format ?? 'jpeg'}` }) });
      if (waiting.size > KEPT) waiting.delete(waiting.keys().next().value);
    };
    const result = (message) => {
      if (message.type === 'detections' && message.analysed !== false && waiting.has(message.seq)) end(waiting.get(message.seq));
    };
    const link = new Link(socketUrl(`/ws/view/${room}?render=client&pack=1`), {
      json: result,
      binary: (buffer) => {
        const { head, body } = unpack(buffer);
        if (head.type === 'frame_metadata') picture(head, body);
        else result(head);
      },
      close: () => false,
    });
  });
}

/** The newest picture there is, whether it was analysed or not. */
async function newest(room) {
  const answer = await fetch(`/api/camera/${room}/latest.jpg?render=client&t=${Date.now()}`, { cache: 'no-store' }).catch(() => null);
  if (!answer?.ok) return null;
  const frame = answer.headers.get('X-Frame-Id');
  return { blob: await answer.blob(), frame: frame === null ? null : Number(frame) };
}

/** {blob, frame: its number or null} without boxes, or null: no picture came. `room` as it stands in addresses. */
export const takeStill = async (room) => await analysed(room) ?? newest(room);
