// The page where somebody shows where the pitch is: points on a still picture, each with its place on the pitch.
import { t, num } from './i18n.js';
import { $, el, say, text, request } from './page.js';
import { markings, viewOf } from './pitch_lines.js';
import { PitchPicker, fillSelect, landmarkName, usable } from './landmarks.js';
import { PointEditor } from './point_editor.js';
import { takeStill } from './still.js';

const LEAST = 4;
const CHECKED = 5; // from here on points are checked against one another
const PAUSE_MS = 200; // after a change, before the fit is asked for
const OLD_S = 50; // a moving camera is followed back for a minute
const GOOD = { m: 0.5, px: 4 }; // up to which a view is called good, then fair; px of a picture 1920 wide
const FAIR = { m: 1.5, px: 8 };
const id = decodeURIComponent(location.pathname.split('/').filter(Boolean)[1] ?? '');
const room = encodeURIComponent(id);
const url = `/api/v1/realtime/football/${room}/homography`;
let state = null; // as GET told
let landmarks = [];
let frameId = null; // of the picture
let takenAt = 0;
let fit = null; // what a preview told of the points as they are
let refused = null; // or why there is none: {why, quality}
let saved = null; // the points that were saved, as text
let savedFrame = null; // and of which picture
let asked = 0;
let timer = 0;
let busy = false;

const editor = new PointEditor($('frame'), $('picture'), $('drawing'), $('lens'), {
  changed,
  toName: () => $('landmark').focus(),
});
const picker = new PitchPicker($('pitch'), {
  picked: (name) => choose(name),
  near: (name) => text($('hint'), name ? landmarkName(name) : hint()),
});

function tell(sentence) {
  text($('spoken'), '');
  text($('spoken'), sentence);
}

// ---- points

const plain = () => JSON.stringify([editor.named, $('bent').checked]);

/** A landmark was picked: for the selected point, or for the one that is placed next. */
function choose(name) {
  const owner = editor.points.findIndex((point) => point.name === name);
  const point = editor.points[editor.selected];
  if (!point && name && owner >= 0) editor.select(owner);
  else if (point) editor.name(name);
  else {
    editor.armed = name || null;
    fill();
  }
}

function hint() {
  const point = editor.points[editor.selected];
  if (editor.armed) return t('cal.hint_armed', { name: landmarkName(editor.armed) });
  if (point && !point.name) return t('cal.hint_name');
  const missing = LEAST - editor.named.length;
  if (!editor.points.length) return t('cal.hint_first');
  return missing > 0 ? t('cal.hint_more', { n: num(missing) }) : t('cal.hint_enough');
}

function row(point, index, error) {
  const out = error > editor.limit;
  const remove = el('button', { class: 'icon plain', 'aria-label': t('cal.remove', { n: num(index + 1) }), title: t('cal.remove', { n: num(index + 1) }) }, '×');
  remove.addEventListener('click', (event) => { event.stopPropagation(); editor.remove(index); });
  const words = error === null || error === undefined ? '' : error < 0 ? t('cal.left_out') : t('cal.px', { n: num(error, 1) });
  const item = el('li', { 'aria-current': String(index === editor.selected) }, el('b', {}, point.name ? num(index + 1) : '?'),
    el('span', { class: point.name ? null : 'unnamed' }, point.name ? landmarkName(point.name) : t('cal.unnamed')),
    el('span', { class: `num small${out ? ' out' : ''}` }, out ? `${words} · ${t('cal.out')}` : words), remove);
  item.addEventListener('click', () => { editor.select(index); editor.focus(index); });
  return item;
}

function fill() {
  const errors = fit?.quality?.errors_px ?? refused?.quality?.errors_px ?? [];
  let n = 0;
  $('points').replaceChildren(...editor.points.map((point, i) => row(point, i, point.name ? errors[n++] : null)));
  const on = editor.armed ?? editor.points[editor.selected]?.name ?? null;
  if ($('landmark').value !== (on ?? '')) $('landmark').value = on ?? '';
  picker.mark(editor.points, on);
  text($('hint'), hint());
  verdict();
  buttons();
}

function buttons() {
  $('undo').disabled = !editor.undoable || busy;
  $('save').disabled = !fit || busy || (saved === plain() && savedFrame === frameId);
  $('forget').disabled = !state?.known || busy;
  $('add').disabled = $('fresh').disabled = busy || $('frame').hidden;
}

function changed() {
  fit = refused = null;
  clearTimeout(timer);
  asked++;
  if (editor.named.length >= LEAST) timer = setTimeout(preview, PAUSE_MS);
  else inForce();
  fill();
}

// ---- the fit

const body = (more) => JSON.stringify({
  points: editor.named.map(({ image, name }) => ({ image, pitch: name })), picture: editor.size, lens: $('bent').checked || undefined, ...more,
});

const put = (query, text) => request(url + query, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: text });

/** Asks what the points come to, without setting it. Answers to older questions are not shown. */
async function preview() {
  const number = ++asked;
  try {
    const told = await put('?preview=true', body());
    if (number !== asked) return;
    [fit, refused] = [told, null];
    editor.show({ matrix: told.matrix, k1: told.k1 ?? 0 }, false, told.quality.errors_px, limit());
    say('');
  } catch (error) {
    if (number !== asked) return;
    const quality = error.problem?.quality ?? null;
    [fit, refused] = [null, { why: error.message, quality }];
    editor.show(null, false, quality?.errors_px ?? [], limit());
    if (error.status !== 422) say('error.server', { why: error.message });
  }
  fill();
  tell($('verdict').textContent);
}

/** Points further off than this do not count. */
const limit = () => editor.size[0] / 128;

/** Without points of its own the page shows the lines of the view in force. */
function inForce() {
  const view = editor.points.length ? null : viewOf(state, ...editor.size);
  if (view && state.picture && state.picture[0] !== editor.size[0]) editor.show(null, true);
  else editor.show(view, true);
}

function grade({ rms_px: rms, sigma_m: sigma }) {
  const px = rms * 1920 / editor.size[0];
  return sigma <= GOOD.m && px <= GOOD.px ? 'good' : sigma <= FAIR.m && px <= FAIR.px ? 'fair' : 'poor';
}

function verdict() {
  const judge = (kind, words) => {
    $('verdict').dataset.verdict = kind;
    text($('verdict-word'), t(`cal.verdict.${kind}`));
    text($('verdict-text'), words);
  };
  if (refused) { judge('refused', refused.why); return; }
  if (!fit) {
    const n = editor.named.length;
    judge('few', n < LEAST ? t('cal.few', { n: num(n) }) : '');
    return;
  }
  const { quality } = fit;
  const out = quality.points - quality.inliers;
  const m = num(quality.sigma_m, quality.sigma_m < 1 ? 2 : 1);
  const words = [quality.points < CHECKED ? t('cal.unchecked', { m }) : t('cal.figures', { px: num(quality.rms_px, 1), m })];
  if (out > 0) words.push(t('cal.outliers', { n: num(out) }));
  judge(grade(quality), words.join(' '));
}

// ---- picture and state

/** As large as the stage allows, with the picture's own proportions. */
function layout() {
  const [w, h] = editor.size;
  const { clientWidth, clientHeight } = $('stage');
  if (!w || !clientWidth) return;
  const scale = Math.min(clientWidth / w, clientHeight / h);
  $('frame').style.width = `${Math.floor(w * scale)}px`;
  $('frame').style.height = `${Math.floor(h * scale)}px`;
  editor.render();
}

/** A still picture without boxes, and which frame it is. False: none came. */
async function takePicture() {
  const still = await takeStill(room);
  if (!still) return false;
  const before = $('picture').src;
  $('picture').src = URL.createObjectURL(still.blob);
  await $('picture').decode();
  if (before) URL.revokeObjectURL(before);
  frameId = still.frame;
  takenAt = Date.now();
  $('frame').hidden = false;
  $('empty').hidden = true;
  layout();
  return true;
}

async function readState() {
  state = await request(url);
  landmarks = usable(state.landmarks ?? []);
  editor.landmarks = landmarks;
  editor.markings = markings(...state.size);
  picker.set(landmarks, state.size);
  words();
}

/** What is said in the language: again when it changes. */
function words() {
  document.title = `${id} · ${t('cal.page')} · fovea`;
  if (!state) return;
  fillSelect($('landmark'), landmarks, state.size[0], null);
  text($('size'), t('cal.size', { length: num(state.size[0], state.size[0] % 1 ? 1 : 0), width: num(state.size[1], state.size[1] % 1 ? 1 : 0) }));
  $('still').checked = state.still_camera;
  $('still').disabled = busy;
  text($('camera'), t(state.still_camera ? 'cal.still' : 'cal.moves'));
  const unused = state.kept && !state.kept.used && !state.known;
  text($('force'), t(state.known ? 'cal.known' : unused ? 'cal.kept_unused' : 'cal.not_known', { why: state.kept?.why ?? '' }));
  fill();
}

async function start() {
  try {
    await readState();
  } catch (error) {
    say('error.server', { why: error.message });
    if (error.status === 409 || !error.status) setTimeout(start, 2000); // it is being opened
    return;
  }
  say('');
  if (!await takePicture()) { setTimeout(start, 1000); return; }
  inForce();
  fill();
}

async function fresh() {
  busy = true;
  buttons();
  const came = await takePicture();
  busy = false;
  say(came ? '' : 'cal.no_picture');
  await readState().catch(() => {});
  changed();
  if (came && editor.points.length) tell(t('cal.stay'));
}

async function save() {
  busy = true;
  buttons();
  try {
    const told = await put('', body({ frame_id: frameId ?? undefined }));
    saved = plain();
    savedFrame = frameId;
    await readState();
    say('');
    text($('force'), t('cal.saved'));
    tell(t('cal.saved'));
    fit = told;
  } catch (error) {
    say('error.server', { why: error.message });
  }
  busy = false;
  fill();
}

async function forget() {
  busy = true;
  try {
    await put('', JSON.stringify({ forget: true }));
    saved = null;
    await readState();
    if (!editor.points.length) inForce();
    say('');
    tell(t('cal.not_known'));
  } catch (error) {
    say('error.server', { why: error.message });
  }
  busy = false;
  fill();
}

/** Whether the camera stands still, from now on. */
async function rest() {
  try {
    await put('', JSON.stringify({ still_camera: $('still').checked }));
    say('');
  } catch (error) {
    say('error.server', { why: error.message });
  }
  await readState().catch(() => words());
}

/** A camera that moves is followed back for a minute only: then the picture is too old to save for. */
function age() {
  if (!takenAt || state?.still_camera || saved === plain()) return;
  if (Date.now() - takenAt > OLD_S * 1000 && editor.points.length) text($('camera'), t('cal.old'));
  else text($('camera'), t('cal.moves'));
}

// ---- controls

const KEYS = { n: () => editor.addInMiddle(), u: () => editor.undo(), escape: () => editor.select(-1) };
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); editor.undo(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select')) return;
  if (!$('frame').hidden) KEYS[event.key.toLowerCase()]?.();
});
$('landmark').addEventListener('change', ({ target }) => choose(target.value));
$('bent').addEventListener('change', changed);
$('add').addEventListener('click', () => editor.addInMiddle());
$('undo').addEventListener('click', () => editor.undo());
$('fresh').addEventListener('click', fresh);
$('save').addEventListener('click', save);
$('forget').addEventListener('click', forget);
$('still').addEventListener('change', rest);
addEventListener('resize', layout);
addEventListener('beforeunload', (event) => { if (editor.points.length && saved !== plain()) event.preventDefault(); });
document.addEventListener('language', () => { words(); editor.render(); });

text($('name'), id);
words();
$('back').href = `/football/${room}`;
start();
setInterval(age, 1000);

/** Read-only, for tests and the curious. */
window.fovea = Object.freeze({
  stats: () => ({
    ready: state !== null && !$('frame').hidden, known: state?.known ?? null, points: structuredClone(editor.points), selected: editor.selected,
    armed: editor.armed, fit: structuredClone(fit), refused: structuredClone(refused), frameId, size: editor.size, busy, saved: saved !== null && saved === plain(),
  }),
  lines: () => structuredClone(editor.lines),
});
