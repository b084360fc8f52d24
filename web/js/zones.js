// The page of a camera's zones: the picture, the list, saving, and the last alerts.
import { t, num, timeOfDay } from './i18n.js';
import { $, el, say, text, request } from './page.js';
import { ZoneEditor } from './zone_editor.js';
import { viewOf } from './pitch_lines.js';

const PICTURE_MS = 1000;
const ALERTS_MS = 2000;
const COUNTS_MS = 1000;
const SHOWN = 12;
const camera = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
const base = `/api/camera/${encodeURIComponent(camera)}`;
let saved = []; // as the server has them
let origin = 'none';
let rules = [];
let states = new Map(); // of saved zones
let counts = new Map(); // of saved lines
let alerts = null;
let busy = false;
let ready = false;

const own = ({ name, kind, space = 'picture', points }) => ({ name, kind, space, points });
const plain = (zones) => JSON.stringify(zones.map(own));
const editor = new ZoneEditor($('frame'), $('drawing'), {
  label: (n) => t('zones.nth', { n: num(n) }),
  changed: () => fill(),
  drawing: (kind, count) => {
    $('hint').hidden = kind === null;
    text($('hint'), kind === null ? '' : t(kind === 'line' ? 'zones.hint_line' : count < 3 ? 'zones.hint' : 'zones.hint_close'));
    text($('spoken'), $('hint').textContent);
  },
});

// ---- the list

function row(zone, index) {
  const name = el('input', { maxlength: 64, 'aria-label': t('zones.name'), value: zone.name });
  name.addEventListener('focus', () => editor.select(index));
  name.addEventListener('input', () => { zone.name = name.value; editor.render(); buttons(); });
  const gone = el('button', { class: 'icon plain', 'aria-label': t('zones.remove', { name: zone.name }), title: t('zones.remove', { name: zone.name }) }, '×');
  gone.addEventListener('click', () => editor.remove(index));
  const users = rules.filter((r) => r.zone === zone.name).map((r) => r.name);
  const state = states.get(zone.name) ?? 'active';
  const waits = state !== 'active';
  const what = el('span', { class: waits ? 'what waits' : 'what' },
    waits ? t(`zones.${state}`) : users.length ? t('zones.used', { rules: users.join(', ') }) : t('zones.unused'));
  const metres = zone.space === 'pitch_m' ? [el('span', { class: 'what' }, t('zones.metres', { points: metresOf(zone) }))] : [];
  return el('li', { 'aria-current': String(index === editor.selected) }, name, gone, ...metres, ...(zone.kind === 'line' ? lineRows(zone, index) : []), what);
}

const metresOf = (zone) => zone.points.map(([x, y]) => `${num(x, 1)} ${num(y, 1)}`).join(' · ');

/** What a line has beside its name: its counts, its direction, and how a rule on it is written. */
function lineRows(zone, index) {
  const count = el('span', { class: 'num grow', 'data-counts': zone.name }, countText(zone.name));
  const turn = el('button', { title: t('zones.turn_help') }, t('zones.turn'));
  turn.addEventListener('click', () => editor.turn(index));
  const reset = el('button', { title: t('zones.reset_help') }, t('zones.reset'));
  reset.disabled = !counts.has(zone.name);
  reset.dataset.reset = zone.name;
  reset.addEventListener('click', () => resetCount(zone.name));
  return [el('div', { class: 'counts' }, count, turn, reset), ruleOf(zone)];
}

/** Rules stand in the settings file: here is the line to put there. */
function ruleOf(zone) {
  const choice = el('select', { 'aria-label': t('zones.direction') },
    ...['both', 'in', 'out'].map((way) => el('option', { value: way }, t(`zones.way.${way}`))));
  const code = el('pre', {});
  const write = () => text(code, `alerts:\n  - {name: ${JSON.stringify(`${zone.name} ${choice.value}`)}, camera: ${JSON.stringify(camera)}, zone: ${JSON.stringify(zone.name)}${choice.value === 'both' ? '' : `, direction: ${choice.value}`}}`);
  choice.addEventListener('change', write);
  write();
  return el('details', {}, el('summary', {}, t('zones.rule_for')), choice, code);
}

function countText(name) {
  const { in: to = 0, out = 0 } = counts.get(name) ?? {};
  return counts.has(name) ? `${t('zones.in', { n: num(to) })} · ${t('zones.out', { n: num(out) })}` : t('zones.not_counted');
}

function fillCounts(lines) {
  counts = new Map(lines.map((one) => [one.line, one]));
  editor.count(new Map(lines.map((one) => [one.line, { in: t('zones.in', { n: num(one.in) }), out: t('zones.out', { n: num(one.out) }) }])));
  for (const e of $('list').querySelectorAll('[data-counts]')) {
    text(e, countText(e.dataset.counts));
    const by = Object.entries(counts.get(e.dataset.counts)?.by_class ?? {});
    e.title = by.map(([name, n]) => `${name}: ${t('zones.in', { n: num(n.in) })}, ${t('zones.out', { n: num(n.out) })}`).join('\n');
  }
  for (const e of $('list').querySelectorAll('[data-reset]')) e.disabled = !counts.has(e.dataset.reset);
  for (const one of lines) states.set(one.line, one.state);
}

async function resetCount(name) {
  await request(`${base}/crossings?line=${encodeURIComponent(name)}`, { method: 'DELETE' })
    .then(({ lines }) => fillCounts(lines), (error) => say('error.server', { why: error.message }));
}

/** Zones in metres are shown where the camera of a football stream sees them now. */
async function pollView() {
  if (!document.hidden && saved.some((zone) => zone.space === 'pitch_m')) {
    const view = await request(`/api/v1/realtime/football/${encodeURIComponent(camera)}/homography`).catch(() => null);
    editor.look(view?.picture ? viewOf(view, ...view.picture) : null);
  }
  setTimeout(pollView, PICTURE_MS);
}

async function pollCounts() {
  if (!document.hidden && saved.some((zone) => zone.kind === 'line')) {
    await request(`${base}/stats`).then(({ lines }) => fillCounts(lines), () => {});
  }
  setTimeout(pollCounts, COUNTS_MS);
}

function buttons() {
  const same = plain(editor.zones) === plain(saved);
  $('save').disabled = same || busy;
  $('undo').disabled = same || busy;
  $('settings').hidden = origin !== 'drawn';
}

/** Shows what changed; an input that is typed into is left as it is. */
function fill() {
  const rows = [...$('list').children];
  const typing = rows.length === editor.zones.length && $('list').contains(document.activeElement);
  if (typing) rows.forEach((r, i) => r.setAttribute('aria-current', String(i === editor.selected)));
  else $('list').replaceChildren(...editor.zones.map(row));
  $('none').hidden = editor.zones.length > 0;
  text($('origin'), t(`zones.origin.${origin}`));
  buttons();
}

function fillRules() {
  $('rules').replaceChildren(...rules.map(({ name, state, direction }) => el('li', {}, el('span', {}, name),
    el('span', { class: state === 'active' ? 'state' : 'state rests' },
      [direction && t(`zones.way.${direction}`), t(`zones.rule.${state}`)].filter(Boolean).join(' · ')))));
  $('no-rules').hidden = rules.length > 0;
}

function take(answer) {
  saved = answer.zones.map(own);
  states = new Map(answer.zones.map(({ name, state }) => [name, state]));
  ({ origin, rules } = answer);
  editor.set(saved);
  document.activeElement?.blur?.();
  fill();
  fillRules();
}

async function put(zones, done) {
  busy = true;
  buttons();
  try {
    take(await request(`${base}/zones`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ zones }) }));
    say('');
    text($('spoken'), t(done));
  } catch (error) {
    say('error.server', { why: error.message });
  }
  busy = false;
  buttons();
}

// ---- the picture

/** As large as the stage allows, with the picture's own proportions. */
function fit() {
  const { naturalWidth: w, naturalHeight: h } = $('picture');
  const { clientWidth, clientHeight } = $('stage');
  if (!w || !clientWidth) return;
  const scale = Math.min(clientWidth / w, clientHeight / h);
  $('frame').style.width = `${Math.floor(w * scale)}px`;
  $('frame').style.height = `${Math.floor(h * scale)}px`;
  editor.render();
}

function showPicture() {
  const next = new Image();
  const again = () => setTimeout(showPicture, PICTURE_MS);
  next.onload = () => {
    $('picture').src = next.src;
    const first = $('frame').hidden;
    $('frame').hidden = false;
    $('empty').hidden = true;
    if (first || $('picture').dataset.size !== `${next.naturalWidth}x${next.naturalHeight}`) {
      $('picture').dataset.size = `${next.naturalWidth}x${next.naturalHeight}`;
      $('picture').decode().then(fit, fit);
    }
    again();
  };
  next.onerror = again;
  if (document.hidden) again();
  else next.src = `${base}/latest.jpg?t=${Date.now()}`;
}

// ---- alerts

/** Events, newest first, to one entry an alert: when it was raised and, if it is over, cleared. */
function together(events) {
  const found = new Map();
  for (const event of events) {
    const entry = found.get(event.alert_id) ?? { ...event, raised: null, cleared: null, crossed: null };
    entry[event.state] = event.at;
    found.set(event.alert_id, entry);
  }
  return [...found.values()].slice(0, SHOWN);
}

function alertRow({ rule, class: what, confidence, zone, raised, cleared, crossed, direction }) {
  const when = timeOfDay(crossed ?? raised ?? cleared);
  const lasted = crossed ? t(`zones.way.${direction}`) : cleared === null ? t('zones.up') : raised === null ? t('zones.over')
    : t('zones.lasted', { s: num((cleared - raised) / 1000, 1) });
  return el('li', { class: cleared === null && !crossed ? 'up' : '' }, el('b', {}, rule), el('time', { class: 'num' }, when),
    el('small', {}, [`${what} ${num(confidence * 100)}${t('percent')}`, zone, lasted].filter(Boolean).join(' · ')));
}

function fillAlerts({ events, stored, problem }) {
  const list = together(events);
  const up = list.filter((a) => a.cleared === null && !a.crossed);
  $('alerts').replaceChildren(...list.map(alertRow));
  $('no-alerts').hidden = list.length > 0;
  text($('no-alerts'), stored ? t('zones.no_alerts') : t('error.server', { why: problem ?? '' }));
  const names = new Set(up.map((a) => a.zone));
  if ([...names].join() !== [...editor.up].join()) {
    editor.up = names;
    if (!$('drawing').contains(document.activeElement)) editor.render();
  }
  const newest = up[0]?.alert_id ?? '';
  if (alerts !== null && newest && newest !== alerts) text($('spoken'), t('zones.spoken', { rule: up[0].rule }));
  alerts = newest;
}

async function pollAlerts() {
  if (!document.hidden) {
    await request(`/api/events?type=alert&stream=${encodeURIComponent(camera)}&limit=${2 * SHOWN}`).then(fillAlerts, () => {});
  }
  setTimeout(pollAlerts, ALERTS_MS);
}

// ---- controls

const KEYS = {
  n: () => editor.begin('polygon'), r: () => editor.rectangle(), enter: () => editor.close(), escape: () => editor.cancel(),
  backspace: () => editor.back(),
};
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input')) return;
  if (event.key === 'Enter' && event.target.matches('button, a')) return;
  if (!$('frame').hidden) KEYS[event.key.toLowerCase()]?.();
});
$('draw').addEventListener('click', () => editor.begin('polygon'));
$('line').addEventListener('click', () => editor.begin('line'));
$('rectangle').addEventListener('click', () => editor.rectangle());
$('save').addEventListener('click', () => put(editor.zones, 'zones.saved'));
$('undo').addEventListener('click', () => { editor.set(saved); fill(); });
$('settings').addEventListener('click', () => put(null, 'zones.saved'));
addEventListener('resize', fit);
addEventListener('beforeunload', (event) => { if (plain(editor.zones) !== plain(saved)) event.preventDefault(); });
document.addEventListener('language', () => { fill(); fillRules(); });

text($('name'), camera);
document.title = `${camera} · ${t('zones.title')} · fovea`;
$('empty-link').href = `/camera/${encodeURIComponent(camera)}`;
request(`${base}/zones`).then((answer) => { take(answer); ready = true; }, (error) => say('error.server', { why: error.message }));
showPicture();
pollAlerts();
pollCounts();
pollView();

/** Read-only, for tests and the curious. */
window.fovea = Object.freeze({
  stats: () => ({ ready, zones: structuredClone(editor.zones), saved: structuredClone(saved), selected: editor.selected, origin, busy }),
});
