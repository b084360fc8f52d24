// The camera page: choose, start, stop, and how it goes. Capture itself is in capture.js.
import { t, num, ms, known } from './i18n.js';
import { $, text, showQr } from './page.js';
import { startCapture } from './capture.js';
import { socketUrl } from './link.js';

const token = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
const query = new URLSearchParams(location.search);
const settings = new URLSearchParams(location.search);
settings.delete('autostart');
settings.delete('lang');
const suffix = settings.size ? `?${settings}` : '';
const urls = {
  socketUrl: socketUrl(`/ws/camera/${encodeURIComponent(token)}${suffix}`),
  postUrl: new URL(`/api/camera/${encodeURIComponent(token)}/frame${suffix}`, location.href).href,
};
const video = $('preview');
let stream = null;
let capture = null;
let wakeLock = null;
let way = '';
let latest = null;
let state = '';
let said = ['']; // what say() was last called with, for another language

/** What a state of the sender is on the pill, and what the page says about it. */
const STATES = {
  connecting: { pill: 'connecting' },
  live: { pill: 'live' },
  post: { pill: 'live', note: 'camera.post' },
  busy: { pill: 'no_signal', note: 'camera.busy', broken: true },
  replaced: { pill: 'ended', note: 'camera.replaced', broken: true, stop: true },
  unready: { pill: 'no_signal', note: 'error.server', broken: true },
  refused: { pill: 'no_signal', note: 'error.token', broken: true, stop: true },
};

function say(key, broken = false, vars = {}) {
  said = [key, broken, vars];
  const note = $('note');
  note.hidden = !key;
  note.classList.toggle('broken', broken);
  text(note, key ? t(key, vars) : '');
}

function show(next, detail) {
  if (next === 'error') return say('camera.error', true, { why: detail });
  const known = STATES[next];
  if (!known) return;
  state = next;
  $('pill').hidden = false;
  $('pill').dataset.state = known.pill;
  text($('pill-word'), t(`camera.state.${next}`));
  text($('spoken'), t(`camera.state.${next}`));
  say(known.note, known.broken, { why: detail });
  if (known.stop) stop(true);
}

function showStats(stats) {
  latest = stats;
  text($('fps'), `${num(stats.fps)} / ${num(stats.targetFps)}`);
  text($('quality'), `${num(stats.quality * 100)} ${t('percent')}`);
  text($('size'), stats.width ? `${num(stats.width)} × ${num(stats.height)}` : '–');
  text($('trip'), stats.roundTrip === null ? '–' : ms(stats.roundTrip, 1));
  const left = Math.max(0, stats.credits - stats.sent);
  $('credits').max = Math.max($('credits').max, left);
  $('credits').value = left;
  text($('credits-number'), num(left));
  text($('why'), stats.reason ? t('camera.why', { why: known(`reason.${stats.reason}`) ? t(`reason.${stats.reason}`) : stats.reason }) : '');
}

/** Why the browser will not give a camera, and what to do about it. */
function refusal(error) {
  if (!window.isSecureContext) return ['camera.insecure', { url: location.href.replace(/^http:/, 'https:') }];
  if (!navigator.mediaDevices) return ['camera.unsupported'];
  return [{
    NotAllowedError: 'camera.not_allowed', NotFoundError: 'camera.not_found', NotReadableError: 'camera.in_use',
  }[error?.name] ?? 'camera.error', { why: error?.message }];
}

async function openCamera() {
  const chosen = $('cameras').value;
  const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 60 } };
  if (chosen) wanted.deviceId = { exact: chosen };
  else wanted.facingMode = { ideal: 'environment' };
  const opened = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  opened.getVideoTracks()[0].addEventListener('ended', () => {
    if (opened !== stream) return;
    stop();
    say('camera.unplugged', true);
  });
  return opened;
}

async function listCameras() {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === 'videoinput');
  const current = stream?.getVideoTracks()[0].getSettings().deviceId ?? $('cameras').value;
  $('cameras').replaceChildren(...devices.map((device, i) => {
    const label = device.label || t('camera.nth', { n: num(i + 1) });
    return new Option(label, device.deviceId, false, device.deviceId === current);
  }));
  $('cameras').disabled = devices.length < 2;
}

async function keepAwake() {
  if (!capture || document.visibilityState !== 'visible') return;
  wakeLock = await navigator.wakeLock?.request('screen').catch(() => null);
}

async function start() {
  $('go').disabled = true;
  say('');
  try {
    stream = await openCamera();
  } catch (error) {
    const [key, vars] = refusal(error);
    say(key, true, vars);
    $('go').disabled = false;
    return;
  }
  video.srcObject = stream;
  await video.play().catch(() => {});
  await listCameras();
  capture = startCapture(video, urls, { state: show, stats: showStats, way: (name) => { way = name; } });
  buttons();
  keepAwake();
}

/** `keepNote`: the sentence why it ended stays. */
function stop(keepNote = false) {
  capture?.stop();
  capture = null;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  wakeLock?.release();
  wakeLock = null;
  if (!keepNote) {
    say('');
    $('pill').hidden = true;
    text($('spoken'), t('camera.state.stopped'));
  }
  buttons();
}

function buttons() {
  const on = capture !== null;
  $('go').disabled = false;
  $('go').className = on ? 'danger' : 'primary';
  $('go').dataset.t = on ? 'camera.stop' : 'camera.start';
  text($('go'), t($('go').dataset.t));
  $('running').hidden = !on;
  $('empty').hidden = on;
}

$('go').addEventListener('click', () => (capture ? stop() : start()));
$('cameras').addEventListener('change', async () => {
  if (!capture) return;
  stop();
  await start();
});
document.addEventListener('visibilitychange', keepAwake);
document.addEventListener('language', () => {
  buttons();
  if (state && capture) show(state);
  else say(...said);
});
navigator.mediaDevices?.addEventListener?.('devicechange', listCameras);

text($('name'), token);
document.title = `${token} · fovea`;
const link = new URL(`/view/${encodeURIComponent(token)}`, location.href).href;
text($('link'), link);
$('open').href = link;
showQr($('qr'), `/view/${encodeURIComponent(token)}`);
if (!window.isSecureContext || !navigator.mediaDevices) {
  const [key, vars] = refusal();
  say(key, true, vars);
  $('go').disabled = true;
} else {
  listCameras();
  if (query.has('autostart')) start();
}

/** Read-only, for tests and the curious. */
window.foveaCamera = Object.freeze({ stats: () => ({ ...latest, way, state }) });
