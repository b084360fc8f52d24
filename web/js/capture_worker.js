// Capture and encode away from the page: a busy page never delays a picture.
import { Sender } from './sender.js';
import { CaptureTime } from './capture_time.js';

let sender = null;
let reader = null;

async function read(readable) {
  const time = new CaptureTime();
  reader = readable.getReader();
  for (;;) {
    const { done, value: frame } = await reader.read();
    if (done) break;
    const captured = time.of(frame.metadata?.().captureTime, frame.timestamp);
    sender.offer(frame, captured, frame.displayWidth, frame.displayHeight); // not awaited: newest wins
  }
}

function start({ urls, readable, track }) {
  if (track && !self.MediaStreamTrackProcessor) return postMessage({ type: 'unsupported' });
  sender = new Sender(urls, (state, detail) => postMessage({ type: 'state', state, detail }));
  if (track) readable = new self.MediaStreamTrackProcessor({ track, maxBufferSize: 1 }).readable;
  if (readable) read(readable).catch((error) => postMessage({ type: 'state', state: 'error', detail: error.message }));
  setInterval(() => postMessage({ type: 'stats', stats: sender.stats() }), 250);
}

onmessage = ({ data }) => {
  if (data.type === 'start') start(data);
  else if (data.type === 'picture') sender.offer(data.bitmap, data.captured, data.bitmap.width, data.bitmap.height);
  else if (data.type === 'stop') {
    reader?.cancel().catch(() => {});
    sender?.end();
    close();
  }
};
