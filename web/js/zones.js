// The page of a camera's zones: the picture, the list, saving, and the last alerts.
import { t, num, timeOfDay } from './i18n.js';
import { $, el, text, request } from './page.js';
import { ZoneEditor } from './zone_editor.js';

const PICTURE_MS = 1000;
const ALERTS_MS = 2000;
const SHOWN = 12;
const camera = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
const base = `/api/camera/${encodeURIComponent(camera)}`;
let saved = []; // as the server has them
let origin = 'none';
let rules = [];
let alerts = null;
let busy = false;
let ready = false;

const plain = (zones) => JSON.stringify(zones.map(({ name, kind, points }) => [name, kind, points]));
const editor = new ZoneEditor($('frame'), $('drawing'), {
  label: (n) => t('zones.nth', { n: num(n) }),
  changed: () => fill(),
  drawing: (kind, count) => {
    $('hint').hidden = kind === null;
    text($('hint'), kind === null ? '' : t(kind === 'line' ? 'zones.hint_line' : count < 3 ? 'zones.hint' : 'zones.hint_close'));
    text($('spoken'), $('hint').textContent);
  },
});

function say(key, vars) {
  $('note').hidden = !key;
  text($('note'), key ? t(key, vars) : '');
}

// ---- the list

function row(zone, index) {
  const name = el('input', { maxlength: 64, 'aria-label': t('zones.name'), value: zone.name });
  name.addEventListener('focus', () => editor.select(index));
  name.addEventListener('input', () => { zone.name = name.value; editor.render(); buttons(); });
  const gone = el('button', { class: 'icon plain', 'aria-label': t('zones.remove', { name: zone.name }), title: t('zones.remove', { name: zone.name }) }, '×');
  gone.addEventListener('click', () => editor.remove(index));
  const users = rules.filter((r) => r.zone === zone.name).map((r) => r.name);
  const waits = zone.kind === 'line';
  const what = el('span', { class: waits ? 'what waits' : 'what' },
    waits ? t('zones.needs_tracker') : users.length ? t('zones.used', { rules: users.join(', ') }) : t('zones.unused'));
  return el('li', { 'aria-current': String(index === editor.selected) }, name, gone, what);
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
  $('rules').replaceChildren(...rules.map(({ name, state }) => el('li', {}, el('span', {}, name),
    el('span', { class: state === 'active' ? 'state' : 'state rests' }, t(`zones.rule.${state}`)))));
  $('no-rules').hidden = rules.length > 0;
}

function take(answer) {
  saved = answer.zones.map(({ name, kind, points }) => ({ name, kind, points }));
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
    const entry = found.get(event.alert_id) ?? { ...event, raised: null, cleared: null };
    entry[event.state] = event.at;
    found.set(event.alert_id, entry);
  }
  return [...found.values()].slice(0, SHOWN);
}

function alertRow({ rule, class: what, confidence, zone, raised, cleared }) {
  const when = raised === null ? timeOfDay(cleared) : timeOfDay(raised);
  const lasted = cleared === null ? t('zones.up') : raised === null ? t('zones.over')
    : t('zones.lasted', { s: num((cleared - raised) / 1000, 1) });
  return el('li', { class: cleared === null ? 'up' : '' }, el('b', {}, rule), el('time', { class: 'num' }, when),
    el('small', {}, [`${what} ${num(confidence * 100)}${t('percent')}`, zone, lasted].filter(Boolean).join(' · ')));
}

function fillAlerts({ events, stored, problem }) {
  const list = together(events);
  const up = list.filter((a) => a.cleared === null);
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

/** Read-only, for tests and the curious. */
window.fovea = Object.freeze({
  stats: () => ({ ready, zones: structuredClone(editor.zones), saved: structuredClone(saved), selected: editor.selected, origin, busy }),
});
