// The start page: cards of cameras from one request each 2 s, and how to add the first one.
import { t, num, ms } from './i18n.js';
import { $, el, text, request, runtime, showQr } from './page.js';

const EVERY_MS = 2000;
const FIRST_PICTURE_MS = 10000; // how long a new camera may take
const cards = new Map(); // name → its elements
let latest = null;
let spoken = '';

/** A name no camera has: camera-1, camera-2 … */
function freeName(taken, stem = 'camera') {
  for (let i = 1; ; i++) if (!taken.has(`${stem}-${i}`)) return `${stem}-${i}`;
}

function makeCard() {
  const image = el('img', { alt: '' });
  image.hidden = true;
  image.onload = () => { image.hidden = false; none.hidden = true; };
  image.onerror = () => { image.hidden = true; none.hidden = false; };
  const none = el('span', { class: 'none' });
  const name = el('span', { class: 'name' });
  const word = el('span');
  const age = el('span', { class: 'num' });
  const pill = el('span', { class: 'pill' }, word);
  const kind = el('span', { class: 'kind' });
  const link = el('a', { class: 'card panel' }, el('span', { class: 'picture' }, image, none),
    el('span', { class: 'words' }, name, pill), el('span', { class: 'words small' }, kind, age));
  const zones = el('a', { class: 'button' });
  const match = el('a', { class: 'button' });
  return { item: el('li', {}, link, el('div', { class: 'to-zones' }, match, zones)), zones, match, link, image, none, name, pill, word, age, kind };
}

function fillCard(card, camera) {
  const { name, state, fps, p95_ms: p95, football_url: match } = camera;
  const kind = match ? 'football' : camera.kind;
  const url = match ?? camera.view_url; // a match has a page of its own; the plain picture is a button then
  if (card.link.getAttribute('href') !== url) card.link.href = url;
  card.match.hidden = !match;
  if (match) card.match.href = camera.view_url;
  text(card.match, t('start.picture'));
  text(card.name, name);
  text(card.zones, t('zones.title'));
  card.zones.href = `/zones/${encodeURIComponent(name)}`;
  text(card.none, t('start.no_picture'));
  text(card.word, t(`state.${state}`));
  text(card.kind, t(`start.kind.${kind}`));
  card.pill.dataset.state = state;
  const running = state === 'live' || state === 'delayed';
  text(card.age, running && p95 ? t('start.p95', { p95: ms(p95), fps: num(fps) }) : '');
  card.image.toggleAttribute('data-old', !running);
  const seen = card.link.getBoundingClientRect();
  if (camera.latest && running && seen.bottom > 0 && seen.top < innerHeight && !document.hidden) {
    card.image.src = `${camera.latest}${camera.latest.includes('?') ? '&' : '?'}t=${Date.now()}`;
  } else if (camera.latest && !card.image.src) card.image.src = camera.latest;
}

function fillCards(cameras) {
  const names = new Set(cameras.map((c) => c.name));
  for (const [name, card] of cards) {
    if (!names.has(name)) { card.item.remove(); cards.delete(name); }
  }
  for (const camera of cameras) {
    if (!cards.has(camera.name)) {
      cards.set(camera.name, makeCard());
      $('cards').append(cards.get(camera.name).item);
    }
    fillCard(cards.get(camera.name), camera);
  }
  $('nothing').hidden = cameras.length > 0;
  const states = cameras.map((c) => `${c.name}: ${t(`state.${c.state}`)}`).join(', ');
  if (spoken !== states && spoken) text($('spoken'), states);
  spoken = states;
}

function fillPhone(lan, name) {
  const here = lan?.enabled;
  text($('phone-text'), t(here ? 'start.phone_scan' : 'start.phone_how'));
  const url = here ? new URL(`/camera/${name}`, lan.url).href : '';
  text($('phone-code'), here ? url : lan?.command ?? 'fovea serve --lan');
  if (here && $('qr').dataset.url !== url) {
    $('qr').dataset.url = url;
    showQr($('qr'), url);
  }
}

function fillFooter({ model, backend, backend_version: release, device, version }) {
  const words = [device, runtime(backend, release), model && [model.title ?? model.id, model.precision].filter(Boolean).join(' '), model?.licence,
    version && `fovea ${version}`];
  text($('footer'), words.filter(Boolean).join(' · '));
}

function fill(answer) {
  latest = answer;
  const all = [...answer.cameras].sort((a, b) => (b.kind === 'demo') - (a.kind === 'demo'));
  const taken = new Set(all.map((c) => c.name));
  fillCards(all);
  $('use').href = `/camera/${freeName(taken)}`;
  if (!$('add-name').value) $('add-name').value = freeName(taken, 'hall');
  fillPhone(answer.lan, freeName(taken, 'phone'));
  fillFooter(answer);
  say(answer.model?.problem ? t('error.server', { why: answer.model.problem }) : '');
}

function say(sentence) {
  $('note').hidden = !sentence;
  text($('note'), sentence);
}

async function poll() {
  try {
    if (!document.hidden) fill(await request('/api/cameras'));
  } catch (error) {
    say(error.message);
  }
  setTimeout(poll, EVERY_MS);
}

/** Shows the first picture of a new camera, or says that none came. */
async function firstPicture(name) {
  const until = Date.now() + FIRST_PICTURE_MS;
  const image = $('add-picture');
  while (Date.now() < until && $('add').open) {
    const answer = await fetch(`/api/camera/${encodeURIComponent(name)}/latest.jpg`, { cache: 'no-store' });
    if (answer.ok) {
      image.src = URL.createObjectURL(await answer.blob());
      image.onload = () => URL.revokeObjectURL(image.src);
      image.hidden = false;
      return true;
    }
    await new Promise((done) => setTimeout(done, 300));
  }
  return false;
}

/** What a stream of football is started with: the drawn match knows where its players are. */
function football() {
  if (!$('add-football').checked) return {};
  return { kind: 'football', still_camera: $('add-still').checked, ...($('add-url').value.trim().startsWith('pattern:football') ? { model_id: 'drawn' } : {}) };
}

async function addCamera() {
  const name = $('add-name').value.trim();
  $('add-error').hidden = true;
  $('add-test').disabled = true;
  $('add-done').hidden = false;
  text($('add-result'), t('start.testing'));
  try {
    const stream = await request('/api/v1/realtime/video/start-stream', {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ source: $('add-url').value.trim(), token: name, ...football() }),
    });
    if (!await firstPicture(name)) throw new Error(t('start.nothing_came', { s: num(FIRST_PICTURE_MS / 1000) }));
    text($('add-result'), t('start.added', { name }));
    $('add-open').href = stream.view_url ?? `/view/${encodeURIComponent(name)}`;
    $('add-open').hidden = false;
    $('add-test').hidden = true;
  } catch (error) {
    $('add-done').hidden = true;
    $('add-error').hidden = false;
    text($('add-error'), error.message);
  }
  $('add-test').disabled = false;
}

$('add-form').addEventListener('submit', (event) => {
  event.preventDefault();
  addCamera();
});
$('add').addEventListener('close', () => {
  $('add-done').hidden = $('add-picture').hidden = $('add-open').hidden = $('add-error').hidden = true;
  $('add-test').hidden = false;
  $('add-url').value = $('add-name').value = '';
  $('add-football').checked = $('add-still').checked = false;
  $('add-still-row').hidden = true;
  if (latest) fill(latest);
});
$('add-football').addEventListener('change', ({ target }) => { $('add-still-row').hidden = !target.checked; });
document.addEventListener('language', () => { if (latest) fill(latest); });
poll();
