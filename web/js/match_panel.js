// What is known of a match in words and numbers: teams, who has the ball, the people, where the time goes.
import { t, num, ms, known } from './i18n.js';
import { $, el, text } from './page.js';
import { icon, looks, lookOfSide } from './kit.js';

const PARTS = ['player_detection', 'ball_detection', 'tracking', 'team_classification', 'homography', 'other'];
const KMH = 3.6;
const TOPS = 400; // people whose top speed is kept

/** A server's word in the user's language where the page knows it. */
const word = (kind, name) => (known(`${kind}.${name}`) ? t(`${kind}.${name}`) : name);

/** "first" and "second" are the names of teams that nobody named. */
export const sideName = ({ side, name }) => (name && name !== side ? name : t(`match.side.${side}`));

const km = (metres) => `${num(metres / 1000, 2)} ${t('unit.km')}`;

export class MatchPanel {
  sort = 'distance';
  chosen = null; // id of a person who is pointed out
  choose = () => {}; // called with an id, or null, when a row is pressed
  #parts = new Map(); // name → {segment, value, label}
  #sums = new Map(); // of this second
  #frames = 0;
  #tops = new Map(); // id → m/s, where the server tells none
  #rows = new Map(); // id → its cells
  #result = null;
  #interval = 100; // ms between the frames that are asked for
  #deadline = 2000;
  #view = null;
  #stats = null;

  constructor() {
    for (const name of [...PARTS, 'sum', 'budget']) this.#addPart(name);
    for (const head of $('heads').children) head.querySelector('button').addEventListener('click', () => this.sortBy(head.dataset.sort));
    document.addEventListener('language', () => this.#words());
  }

  #addPart(name) {
    const label = el('span', {}, t(`part.${name}`));
    const value = el('dd', { class: 'num' }, '–');
    const dots = name === 'sum' ? [] : [el('i')];
    $('part-rows').append(el('div', { 'data-stage': name, class: name === 'sum' ? 'sum' : null }, el('dt', {}, ...dots, label), value));
    const segment = PARTS.includes(name) ? el('i', { 'data-stage': name }) : null;
    if (segment) $('segments').append(segment);
    this.#parts.set(name, { segment, value, label });
  }

  #words() {
    for (const [name, { label }] of this.#parts) text(label, t(`part.${name}`));
    this.#versus = null;
    if (this.#view) this.view(this.#view);
    if (this.#result) this.update(this.#result);
  }

  /** First message of the socket: what is being watched. */
  view(message) {
    this.#view = message;
    this.#deadline = message.max_latency_ms || 2000;
    this.#interval = message.target_fps > 0 ? 1000 / message.target_fps : 100;
    text($('model'), [message.model_id, message.device].filter(Boolean).join(' · '));
  }

  stats(message) { this.#stats = message; }

  /** Each painted result of the picture taken at `at` ms: only sums, no touch of the page. */
  add(result, at) {
    this.#result = result;
    this.#hold(result.teams?.has_ball, at);
    this.#frames++;
    for (const name of PARTS) this.#sums.set(name, (this.#sums.get(name) ?? 0) + (result.parts_ms?.[name] ?? 0));
    for (const { track_id: id, speed_mps: speed, state } of result.tracks ?? []) {
      if (state === 'lost' || !(speed > (this.#tops.get(id) ?? 0))) continue;
      this.#tops.delete(id);
      this.#tops.set(id, speed);
      if (this.#tops.size > TOPS) this.#tops.delete(this.#tops.keys().next().value);
    }
  }

  // ---- teams and ball

  #held = null; // {side, since_s, from: ms of the picture in which that was new, null: before this page, at}

  /** Since when a team has the ball, by the pictures: the server's moment is on a clock of its own. */
  #hold(ball, at) {
    const same = this.#held && this.#held.side === ball?.side && this.#held.since === ball?.since_s;
    const from = same ? this.#held.from : this.#held ? at : null;
    this.#held = { side: ball?.side, since: ball?.since_s, from, at };
  }

  #versus = null; // elements, made once a language

  #makeVersus(sides) {
    const row = (key) => {
      const a = el('dd', { class: 'num' }), b = el('dd', { class: 'num' });
      return { a, b, row: el('dl', { class: 'between' }, a, el('dt', {}, t(key)), b) };
    };
    const names = sides.map(() => el('b', { class: 'side-name' }));
    const bar = sides.map(() => el('i'));
    const rows = { possession: row('match.possession'), distance: row('match.distance'), sprints: row('match.sprints') };
    $('versus').replaceChildren(el('div', { class: 'names' }, ...names), el('div', { class: 'share', 'aria-hidden': 'true' }, ...bar),
      ...Object.values(rows).map((r) => r.row));
    return { names, bar, rows, looks: '' };
  }

  #teams(teams) {
    const { sides } = teams;
    const v = this.#versus ??= this.#makeVersus(sides);
    const seen = JSON.stringify(sides.map(({ name, color }) => [name, color]));
    if (v.looks !== seen) {
      v.looks = seen;
      sides.forEach((side, i) => {
        const look = lookOfSide(side.side, sides);
        v.names[i].replaceChildren(icon(look), el('span', {}, sideName(side)));
        v.bar[i].style.background = look.colour;
      });
    }
    const had = sides.some((s) => s.possession_s > 0);
    v.bar.forEach((b, i) => { b.style.flexGrow = had ? sides[i].possession : 1; });
    const put = (name, make) => [v.rows[name].a, v.rows[name].b].forEach((cell, i) => text(cell, make(sides[i])));
    const first = Math.round(100 * sides[0].possession); // both together are 100
    put('possession', (s) => (had ? `${num(s === sides[0] ? first : 100 - first)}${t('percent')}` : '–'));
    put('distance', (s) => km(s.distance_m));
    put('sprints', (s) => num(s.sprints));
    $('teams-state').hidden = teams.state === 'known';
    text($('teams-state'), word('match.teams', teams.state));
  }

  #ball({ ball, teams, tracks }) {
    const { side, track_id: id } = teams?.has_ball ?? {};
    const since = this.#held?.from ? (this.#held.at - this.#held.from) / 1000 : 0;
    const of = teams?.sides.find((s) => s.side === side);
    const holder = tracks?.find((track) => track.track_id === id);
    if (of) {
      const words = [sideName(of), id !== null && id !== undefined && t('match.nth', { n: num(id) }), since > 0 && t('match.since', { s: num(since, 1) })];
      $('holder').replaceChildren(icon(holder ? looks(teams)(holder) : lookOfSide(side, teams.sides)), ` ${words.filter(Boolean).join(' · ')}`);
    } else text($('holder'), t('match.no_holder'));
    text($('ball'), ball ? [word('match.ball', ball.state), ball.height !== 'unknown' && word('match.ball', ball.height)].filter(Boolean).join(' · ') : t('match.no_ball'));
  }

  // ---- the table

  sortBy(key) {
    this.sort = key;
    for (const head of $('heads').children) {
      if (head.dataset.sort === key) head.setAttribute('aria-sort', key === 'id' || key === 'team' ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    }
    if (this.#result) this.update(this.#result);
  }

  #person(track, look, teams) {
    const { track_id: id, speed_mps: speed, distance_m: distance, state } = track;
    const lost = state === 'lost';
    const top = track.top_speed_mps ?? this.#tops.get(id) ?? null;
    const side = teams?.sides.find((s) => s.side === track.team);
    const role = track.class === 'player' ? '' : t(`match.role.${track.class}`);
    const team = [side && sideName(side), role].filter(Boolean).join(' · ') || t('match.side.none');
    return { id, look, team, speed: lost ? null : speed ?? null, top, distance: distance ?? 0, placed: track.pitch_m !== null, lost };
  }

  #cells() {
    const cells = { mark: el('span'), id: el('span'), team: el('td'), speed: el('td', { class: 'num' }), top: el('td', { class: 'num' }), distance: el('td', { class: 'num' }) };
    cells.button = el('button', { class: 'plain num' }, cells.mark, cells.id);
    cells.button.addEventListener('click', () => this.choose(cells.of));
    cells.row = el('tr', {}, el('th', { scope: 'row' }, cells.button), cells.team, cells.speed, cells.top, cells.distance);
    cells.look = '';
    return cells;
  }

  #fill(cells, p) {
    const look = `${p.look.shape}${p.look.colour}${p.look.keeper ?? ''}`;
    if (cells.look !== look) {
      cells.look = look;
      cells.mark.replaceChildren(icon(p.look));
    }
    cells.of = p.id;
    text(cells.id, num(p.id));
    const pressed = String(p.id === this.chosen);
    if (cells.button.getAttribute('aria-pressed') !== pressed) cells.button.setAttribute('aria-pressed', pressed);
    text(cells.team, p.lost ? `${p.team} (${t('match.lost')})` : p.team);
    text(cells.speed, p.speed === null ? '–' : num(p.speed * KMH, 1));
    text(cells.top, p.top === null ? '–' : num(p.top * KMH, 1));
    text(cells.distance, p.placed || p.distance > 0 ? num(p.distance) : '–');
    cells.row.className = p.lost ? 'lost' : '';
  }

  #table({ tracks = [], teams }) {
    const look = looks(teams);
    const people = tracks.map((track) => this.#person(track, look(track), teams));
    const { sort } = this;
    const up = sort === 'id' || sort === 'team';
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    people.sort((a, b) => (up ? compare(a[sort], b[sort]) : compare(b[sort] ?? -1, a[sort] ?? -1)) || a.id - b.id);
    const before = this.#rows;
    this.#rows = new Map();
    people.forEach((p, i) => {
      const cells = before.get(p.id) ?? this.#cells();
      this.#fill(cells, p);
      this.#rows.set(p.id, cells);
      if ($('rows').children[i] !== cells.row) $('rows').insertBefore(cells.row, $('rows').children[i] ?? null);
    });
    while ($('rows').children.length > people.length) $('rows').lastChild.remove();
    $('nobody').hidden = people.length > 0;
  }

  /** Twice a second: what a result says. */
  update(result) {
    this.#result = result;
    if (result.teams?.sides?.length === 2) this.#teams(result.teams);
    this.#ball(result);
    this.#table(result);
    $('model').hidden = result.detector === 'drawn'; // its model looks at nothing
    $('detector').hidden = !known(`match.detector.${result.detector}`);
    if (!$('detector').hidden) text($('detector'), t(`match.detector.${result.detector}`));
  }

  /** Another stream: what was remembered is of others. */
  reset() {
    this.#tops.clear();
    this.#held = null;
  }

  /** Nobody is looked for any more: nothing old stays as if it were now. */
  nobody() {
    this.#result = null;
    this.#table({});
    for (const id of ['holder', 'ball']) text($(id), '–');
  }

  // ---- time

  /** Once a second. */
  times(player, fps, at) {
    const { p95 } = player.meter.over(10000, at);
    text($('p95'), p95 === null ? '–' : ms(p95));
    text($('deadline-ms'), ms(this.#deadline));
    const scale = Math.max(p95 ?? 0, this.#deadline * 1.05);
    $('delay').style.inlineSize = `${100 * (p95 ?? 0) / scale}%`;
    $('deadline').style.insetInlineStart = `${100 * this.#deadline / scale}%`;
    text($('fps-in'), `${num(this.#stats?.fps_in, 1)} ${t('unit.fps')}`);
    text($('fps-out'), `${num(fps)} ${t('unit.fps')}`);
    this.#drops();
    if (this.#frames) this.#bar();
    this.#frames = 0;
    this.#sums.clear();
  }

  #drops() {
    const drops = Object.entries(this.#stats?.drops ?? {}).filter(([, n]) => n > 0);
    $('drops').replaceChildren(...drops.map(([reason, n]) => el('div', {},
      el('dt', {}, t('view.dropped', { reason: word('drop', reason) })), el('dd', { class: 'num' }, num(n)))));
  }

  #bar() {
    const mean = (name) => (this.#sums.get(name) ?? 0) / this.#frames;
    const total = PARTS.reduce((sum, name) => sum + mean(name), 0);
    const scale = Math.max(total, this.#interval * 1.1);
    for (const name of PARTS) {
      const { segment, value } = this.#parts.get(name);
      segment.style.inlineSize = `${100 * mean(name) / scale}%`;
      text(value, ms(mean(name), 1));
    }
    text(this.#parts.get('sum').value, ms(total, 1));
    text(this.#parts.get('budget').value, ms(this.#interval));
    $('budget').style.insetInlineStart = `${100 * this.#interval / scale}%`;
  }
}
