// Chooses the best way this browser has to take pictures from a camera, and runs it.
import { Sender } from './sender.js';
import { CaptureTime } from './capture_time.js';

const WORKER_URL = new URL('./capture_worker.js', import.meta.url);

/** Pictures of a <video> as they come; calls take(captured) until the returned function is called. */
function eachPicture(video, take) {
  const time = new CaptureTime();
  let on = true;
  const next = video.requestVideoFrameCallback
    ? () => video.requestVideoFrameCallback((at, frame) => turn(time.of(frame.captureTime, NaN)))
    : () => setTimeout(() => turn(time.of(undefined, NaN)), 33); // no such call: about 30 a second
  const turn = (captured) => {
    if (!on) return;
    take(captured);
    next();
  };
  next();
  return () => { on = false; };
}

/**
 * Starts sending `video`'s camera. Three ways, best first: 'worker' reads the camera's track off
 * the page's thread, 'bitmap' hands pictures to the worker, which encodes them, 'page' does all
 * here. events: state(state, detail), stats(stats), way(name). Returns {stop()}.
 */
export function startCapture(video, urls, events) {
  const track = video.srcObject.getVideoTracks()[0];
  if (typeof OffscreenCanvas === 'undefined' || !self.Worker) return onPage(video, urls, events);
  const worker = new Worker(WORKER_URL, { type: 'module' });
  let stopPictures = () => {};
  let copy = null;
  const bitmaps = () => {
    events.way('bitmap');
    worker.postMessage({ type: 'start', urls });
    let making = false;
    stopPictures = eachPicture(video, async (captured) => {
      if (making || !video.videoWidth) return;
      making = true;
      const bitmap = await createImageBitmap(video).catch(() => null);
      making = false;
      if (bitmap) worker.postMessage({ type: 'picture', bitmap, captured }, [bitmap]);
    });
  };
  worker.onmessage = ({ data }) => {
    if (data.type === 'unsupported') bitmaps();
    else if (data.type === 'state') events.state(data.state, data.detail);
    else if (data.type === 'stats') events.stats(data.stats);
  };
  worker.onerror = (event) => events.state('error', event.message);
  try {
    copy = track.clone();
    const message = self.MediaStreamTrackProcessor
      ? { readable: new self.MediaStreamTrackProcessor({ track: copy, maxBufferSize: 1 }).readable }
      : { track: copy };
    worker.postMessage({ type: 'start', urls, ...message }, Object.values(message));
    events.way('worker');
  } catch { // the track cannot leave this thread
    copy?.stop();
    bitmaps();
  }
  return {
    stop() {
      stopPictures();
      copy?.stop();
      worker.postMessage({ type: 'stop' });
    },
  };
}

function onPage(video, urls, events) {
  events.way('page');
  const sender = new Sender(urls, events.state);
  const timer = setInterval(() => events.stats(sender.stats()), 250);
  const stopPictures = eachPicture(video, (captured) => {
    if (video.videoWidth) sender.offer(video, captured, video.videoWidth, video.videoHeight);
  });
  return { stop() { stopPictures(); clearInterval(timer); sender.end(); } };
}
