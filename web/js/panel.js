// The viewer's side panel: percentiles, sparkline, stage bar, drops, adaptation log.
import { t, num, ms, known, timeOfDay } from './i18n.js';
import { $, el, text, runtime } from './page.js';
import { sparkline } from './latency.js';
import { SERVER_STAGES } from './player.js';

const STAGES = ['travel', ...SERVER_STAGES, 'screen'];
const WIDTH = 288;
const HEIGHT = 56;
const LOG = 20; // sentences kept

/** Why something was turned: the word before the colon, in the user's language where the page knows it. */
function reason({ knob, from, measured, why = '' }) {
  let name = why.split(':')[0];
  if (name === 'inference' && (knob === 'size' || measured <= 1000 / from)) name = 'inference_each';
  return known(`why.${name}`)
    ? t(`why.${name}`, { measured: ms(measured), share: num(measured), interval: ms(1000 / from) }) : why;
}

/** "fps 30 → 24: inference 41 ms of 33 ms" */
function sentence(change) {
  const value = (v) => (typeof v === 'number' ? num(v, Number.isInteger(v) ? 0 : 2) : v);
  return t('view.change', {
    knob: word('knob', change.knob), from: value(change.from), to: value(change.to), why: reason(change),
  });
}

/** A server's word in the user's language where the page knows it. */
const word = (kind, name) => (known(`${kind}.${name}`) ? t(`${kind}.${name}`) : name);

export class Panel {
  #rows = new Map(); // stage → {segment, row, value}
  #budget = 200;
  #view = null;
  #stats = null;
  #log = [];

  constructor() {
    for (const name of STAGES) this.#addStage(name);
    this.#addStage('sum');
    this.#addStage('budget');
    document.addEventListener('language', () => this.#words());
  }

  #addStage(name) {
    const dt = el('dt', {}, ...(name === 'sum' ? [] : [el('i')]), el('span', {}, t(`stage.${name}`)));
    const value = el('dd', { class: 'num' }, '–');
    const row = el('div', { 'data-stage': name, class: name === 'sum' ? 'sum' : null }, dt, value);
    row.hidden = !['travel', 'inference', 'screen', 'sum', 'budget'].includes(name);
    $('stage-rows').append(row);
    const segment = STAGES.includes(name) ? el('i', { 'data-stage': name }) : null;
    if (segment) $('segments').append(segment);
    this.#rows.set(name, { segment, row, value, label: dt.lastChild });
  }

  #words() {
    for (const [name, { label }] of this.#rows) text(label, t(`stage.${name}`));
    if (this.#view) this.view(this.#view);
    this.#drops();
    this.#sentences();
  }

  /** First message of the socket: what is being watched. */
  view(message) {
    this.#view = message;
    this.#budget = message.max_latency_ms || 200;
    text($('model'), [message.model_id, runtime(message.backend, message.backend_version), message.device].filter(Boolean).join(' · '));
  }

  stats(message) {
    this.#stats = message;
    this.#drops();
  }

  camera({ connected, source }) {
    text($('empty-text'), t(connected ? 'view.waiting' : source ? 'view.source_away' : 'view.no_camera'));
    $('empty-link').hidden = source === true; // the room is taken
  }

  adaptation(message) {
    this.#log.unshift(message);
    this.#log.length = Math.min(this.#log.length, LOG);
    this.#sentences();
  }

  #sentences() {
    $('changes').hidden = this.#log.length === 0;
    const told = (change) => [el('time', { class: 'num' }, timeOfDay(change.at)), sentence(change)];
    $('log').replaceChildren(...this.#log.map((change) => el('li', {}, ...told(change))));
    $('turned').hidden = this.#log.length === 0;
    if (this.#log.length) $('turned').replaceChildren(...told(this.#log[0]));
  }

  #drops() {
    const drops = Object.entries(this.#stats?.drops ?? {}).filter(([, n]) => n > 0);
    const rows = drops.map(([reason, n]) => el('div', {},
      el('dt', {}, t('view.dropped', { reason: word('drop', reason) })), el('dd', { class: 'num' }, num(n))));
    if (!rows.length) rows.push(el('div', {}, el('dt', {}, t('view.none_dropped'))));
    $('drops').replaceChildren(...rows);
  }

  /** Once a second. */
  update(player, fps, at) {
    const { p50, p95, p99 } = player.meter.over(60000, at);
    for (const [id, value] of [['p50', p50], ['p95', p95], ['p99', p99]]) text($(id), value === null ? '–' : ms(value));
    text($('fps-in'), `${num(this.#stats?.fps_in, 1)} ${t('unit.fps')}`);
    text($('fps-out'), `${num(fps)} ${t('unit.fps')}`);
    this.#spark(player.meter.history);
    const stages = player.takeStages();
    if (stages) this.#bar(stages);
  }

  #spark(history) {
    const highest = Math.max(...history.map((s) => s?.p95 ?? 0));
    const top = Math.max(this.#budget * 1.25, highest * 1.1);
    const { line, band } = sparkline(history, WIDTH, HEIGHT, top);
    const y = (HEIGHT - this.#budget * HEIGHT / top).toFixed(1);
    $('spark-line').setAttribute('d', line);
    $('spark-band').setAttribute('d', band);
    $('spark-budget').setAttribute('d', `M0 ${y}H${WIDTH}`);
  }

  #bar(stages) {
    const total = Object.values(stages).reduce((a, b) => a + b, 0);
    const scale = Math.max(total, this.#budget * 1.1);
    for (const name of STAGES) {
      const { segment, row, value } = this.#rows.get(name);
      const time = stages[name] ?? 0;
      segment.style.inlineSize = `${100 * time / scale}%`;
      if (time > 0) row.hidden = false;
      text(value, ms(time, 1));
    }
    text(this.#rows.get('sum').value, ms(total, 1));
    text(this.#rows.get('budget').value, ms(this.#budget));
    $('budget').style.insetInlineStart = `${100 * this.#budget / scale}%`;
  }
}
