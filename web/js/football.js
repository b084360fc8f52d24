// The page of a football stream: picture and pitch show the same frame. Receiving and painting is player.js.
import { t, num } from './i18n.js';
import { $, el, say, text } from './page.js';
import { Player } from './player.js';
import { Watch, whyClosed } from './watch.js';
import { controls, pictureOnly } from './stage.js';
import { BallTrail, paintMatch } from './draw_match.js';
import { PitchMap } from './pitch_map.js';
import { MatchPanel, sideName } from './match_panel.js';
import { icon, looks } from './kit.js';
import { toGround, viewOf } from './pitch_lines.js';
import { now } from './clock.js';

const id = decodeURIComponent(location.pathname.split('/').filter(Boolean)[1] ?? '');
const room = encodeURIComponent(id);
const HEATS_MS = 5000;
const FAR_M = 2; // places that may be further off than this are said to be inaccurate
const stage = $('stage');
const panel = new MatchPanel();
const map = new PitchMap($('pitch'), $('ground'));
const trail = new BallTrail();
let newest = null; // the last result that was painted with its picture
let newestAt = 0; // when, own clock
let wasKnown = false; // a view was in force since the page was opened
let seqBefore = -1;
let paintedBefore = 0;
let fps = 0;

const player = new Player($('canvas'), stage, {
  socket: (connected, event) => { connected ? say('') : whyClosed(id, event).then((why) => say(...why)); },
  message: (message) => {
    if (message.type === 'view') {
      player.options.names = message.labels ?? null;
      player.hold.maxLatency = message.max_latency_ms ?? 2000;
      watch.old = Math.max(200, player.hold.maxLatency / 4);
      name(message.camera ?? id);
      panel.view(message);
    } else if (message.type === 'stats') panel.stats(message);
    else if (message.type === 'camera') text($('empty-text'), t(message.connected ? 'view.waiting' : 'view.source_away'));
    else if (message.type === 'error') say('error.server', { why: message.message });
  },
  showing: (entry) => { // the pitch changes in the same moment as the picture
    if (entry.analysed && entry.result && !entry.result.tracks && !newest) say('match.no_football');
    if (!entry.analysed || !entry.result?.tracks) { bare(); return; }
    if (!newest) say('');
    if (entry.seq < seqBefore) { map.reset(); panel.reset(); trail.clear(); } // another stream, with the same names for others
    seqBefore = entry.seq;
    newest = entry.result;
    trail.add(newest, entry.captured, entry.bitmap.width, entry.bitmap.height);
    newestAt = now();
    panel.add(newest, entry.captured);
    map.show(newest, entry.captured);
    $('ground').dataset.of = entry.seq;
  },
}, paintMatch);
Object.assign(player.options, { trail, trails: true });
const watch = new Watch(player, stage, ({ state }) => {
  for (const e of document.querySelectorAll('.fades')) e.dataset.state = state;
  $('old').hidden = state !== 'no_signal';
});

/** A picture without a result is shown. Between two analysed ones that means nothing; when no results come any more,
 * nobody is known to be anywhere: as with boxes, nothing is kept from older pictures. */
function bare() {
  if (watch.status.aiOff === null || !newest) return;
  newest = null;
  map.show(null, now());
  trail.clear();
  panel.nobody();
  pitchWords();
}

function name(camera) {
  text($('name'), camera);
  document.title = `${camera} · ${t('match.title')} · fovea`;
}

// ---- beside the picture

/** Metres that the view may be off by, where the middle of the people stands. */
function howSure() {
  const feet = newest?.pitch_m?.known && map.dots.length ? newest.tracks.filter((track) => track.pitch_m && track.state !== 'lost') : [];
  const { width, height } = player.lastFrame ?? {};
  if (!feet.length || !(newest.pitch_m.sigma_px > 0)) return null;
  const [x1, , x2, y] = feet.map((track) => track.box).sort((a, b) => a[3] - b[3])[feet.length >> 1];
  const view = viewOf(newest.pitch_m, width, height);
  const here = toGround(view, [(x1 + x2) / 2, y]), there = toGround(view, [(x1 + x2) / 2, y + newest.pitch_m.sigma_px]);
  return here && there ? Math.hypot(here[0] - there[0], here[1] - there[1]) : null;
}

/** Why the pitch is empty, if it is, and how sure places on it are. */
function pitchWords() {
  const off = watch.status.aiOff !== null && !newest;
  const pitch = newest?.pitch_m;
  wasKnown ||= Boolean(pitch?.known);
  $('unknown').hidden = !off && !(pitch && !pitch.known);
  if (!$('unknown').hidden) text($('unknown-why'), t(off ? 'match.pitch_ai_off' : wasKnown ? 'match.view_lost' : 'match.not_calibrated'));
  $('unknown-link').hidden = off;
  const metres = howSure();
  $('sure').toggleAttribute('data-far', metres > FAR_M);
  text($('sure'), metres === null ? '' : t(metres > FAR_M ? 'match.unsure' : 'match.sure', { m: num(Math.max(0.1, metres), 1) }));
  const placed = map.dots.length;
  $('pitch').setAttribute('aria-label', pitch?.known ? t('match.pitch_said', { n: num(placed) }) : $('unknown-why').textContent);
}

let legend = '';

/** What the marks mean: only those that are there. */
function fillLegend() {
  const { teams, tracks } = newest ?? {};
  if (!teams) return;
  const look = looks(teams);
  const rows = teams.sides.map((side) => [look({ class: 'player', team: side.side }), sideName(side)]);
  if (tracks.some((track) => track.class === 'goalkeeper')) rows.push([look({ class: 'goalkeeper', team: 'first' }), t('match.role.goalkeeper')]);
  rows.push([look({ class: 'referee' }), t('match.role.referee')]);
  if (tracks.some((track) => track.class !== 'referee' && !track.team)) rows.push([look({ class: 'player' }), t('match.side.none')]);
  if (map.options.means) rows.push([{ ...look({ class: 'player' }), colour: 'currentColor' }, t('match.means_hollow')]);
  const seen = JSON.stringify([rows, document.documentElement.lang]);
  if (seen === legend) return;
  legend = seen;
  $('legend').replaceChildren(...rows.map(([of, words]) => el('li', {}, icon(of), words)));
}

function twiceASecond() {
  if (newest && watch.status.state !== 'no_signal') panel.update(newest);
  fillLegend();
  pitchWords();
}

function everySecond() {
  fps = player.painted - paintedBefore;
  paintedBefore = player.painted;
  const at = now();
  player.meter.tick(at);
  player.takeStages();
  panel.times(player, fps, at);
  player.send({ type: 'performance_stats', fps, latency: watch.median, queueSize: player.hold.length });
}

// ---- controls

function toggle(option) {
  const on = $(option).getAttribute('aria-pressed') !== 'true';
  $(option).setAttribute('aria-pressed', on);
  player.options[option] = on;
  map.options[option] = on;
  player.repaint();
  map.draw();
  fillLegend();
}

/** Points a person out on picture and pitch; the same one again, or null: nobody. */
function choose(who) {
  const chosen = who === panel.chosen ? null : who;
  panel.chosen = player.options.chosen = map.options.chosen = chosen;
  player.repaint();
  map.draw();
  if (newest) panel.update(newest);
  heats();
}

/** Where the teams, or the one who is pointed out, were so far: pictures by the server, while somebody looks at them. */
function heats() {
  if (!$('heats').open || document.hidden) return;
  const base = `/api/v1/realtime/football/${room}/heatmap?t=${Date.now()}`;
  const who = panel.chosen;
  text($('heat-first-name'), who === null ? newest ? sideName(newest.teams.sides[0]) : t('match.side.first') : t('match.nth', { n: num(who) }));
  text($('heat-second-name'), newest ? sideName(newest.teams.sides[1]) : t('match.side.second'));
  $('heat-second').parentElement.hidden = who !== null;
  $('heat-first').src = who === null ? `${base}&team=first` : `${base}&track_id=${who}`;
  if (who === null) $('heat-second').src = `${base}&team=second`;
}

controls(player, {
  b: () => toggle('boxes'), l: () => toggle('labels'), t: () => toggle('trails'), m: () => toggle('means'), g: () => toggle('lines'),
  escape: () => (document.body.classList.contains('only') ? pictureOnly(false) : choose(null)),
});
for (const option of ['boxes', 'labels', 'lines', 'trails', 'means']) $(option).addEventListener('click', () => toggle(option));
panel.choose = choose;
$('heats').addEventListener('toggle', heats);
for (const id of ['heat-first', 'heat-second']) {
  $(id).addEventListener('error', () => { $(id).hidden = true; });
  $(id).addEventListener('load', () => { $(id).hidden = false; });
}
document.addEventListener('language', () => { player.repaint(); map.draw(); twiceASecond(); });

name(id);
for (const link of ['calibrate', 'unknown-link']) $(link).href = `/football/${room}/calibrate`;
player.open(`/ws/view/${room}`, 'client');
setInterval(twiceASecond, 500);
setInterval(everySecond, 1000);
setInterval(heats, HEATS_MS);

/** Read-only, for tests and the curious. */
window.fovea = Object.freeze({
  get lastFrame() { return player.lastFrame && structuredClone(player.lastFrame); },
  get lastResult() { return newest && structuredClone(newest); },
  dots: () => structuredClone(map.dots),
  history: (n = 1000) => structuredClone(player.history(n)),
  stats: () => ({
    ...player.meter.over(60000, now()), state: watch.status.state, aiOff: watch.status.aiOff, fps, received: player.received,
    painted: player.painted, skipped: player.skipped, late: player.late, known: newest?.pitch_m?.known ?? null,
    resultAge: newest ? now() - newestAt : null, pitchOf: Number($('ground').dataset.of ?? NaN), trails: trail.lines().length,
  }),
});
