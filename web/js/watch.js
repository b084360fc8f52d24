// The pills over a live picture, and what is said where it stops: for each page that shows one.
import { t, num, ms } from './i18n.js';
import { $, text, request } from './page.js';
import { classify, OLD_MS } from './status.js';
import { now } from './clock.js';

/** Why the socket closed, which only HTTP tells: [key, vars] of a sentence. */
export async function whyClosed(camera, { code, reason, opened }) {
  if (code === 1008) return ['error.token'];
  if (opened) return ['error.lost', { why: reason }];
  return request(`/api/camera/${encodeURIComponent(camera)}/stats`)
    .then(() => ['error.socket'], (error) => (error.status === 404 ? ['view.no_camera'] : ['error.server', { why: error.message }]));
}

export class Watch {
  /** `changed(status)` when the state or AI OFF changes. */
  constructor(player, stage, changed = () => {}) {
    Object.assign(this, { player, stage, changed });
    this.old = OLD_MS;
    this.status = { state: 'connecting', since: 0, aiOff: null };
    this.median = null; // capture to screen, of the last second
    setInterval(() => this.look(), 100);
    setInterval(() => this.numbers(), 250);
    document.addEventListener('language', () => this.numbers());
  }

  #opened = now();
  #delayedUntil = 0; // a state must stay long enough to be read
  #spoken = '';

  /** Facts to state; touches the page only where something changed. */
  look() {
    const { player, stage } = this;
    const at = now();
    const before = this.status;
    this.status = classify({
      t: at, opened: this.#opened, firstPicture: player.firstPicture, lastPicture: player.lastPicture, lastAge: player.lastAge,
      interval: player.pictureGap.value, lastResult: player.hold.lastResult, usualGap: player.hold.usualGap, old: this.old,
    });
    const { status } = this;
    if (status.state === 'delayed') this.#delayedUntil = at + 500;
    else if (status.state === 'live' && at < this.#delayedUntil) status.state = 'delayed';
    player.hold.aiOff = status.aiOff !== null;
    if ($('pill').dataset.state !== status.state) {
      $('pill').dataset.state = status.state;
      stage.dataset.state = status.state;
      this.numbers();
    }
    $('ai').hidden = status.aiOff === null;
    const shown = player.shown !== null;
    $('canvas').hidden = !shown;
    $('empty').hidden = shown;
    this.#speak();
    if (before.state !== status.state || (before.aiOff === null) !== (status.aiOff === null)) this.changed(status);
  }

  /** The numbers on the pills: often enough to see, seldom enough to read. */
  numbers() {
    const { state, since, aiOff } = this.status;
    this.median = this.player.meter.over(1000, now()).p50;
    text($('pill-word'), t(`state.${state}`));
    text($('pill-number'), this.#age(state, since));
    if (aiOff !== null) text($('ai-number'), aiOff >= 1000 ? t('unit.s', { n: num(Math.floor(aiOff / 1000)) }) : ms(aiOff));
  }

  #age(state, since) {
    const { median, player } = this;
    if (state === 'no_signal') return t('unit.s', { n: num(Math.floor(since / 1000)) });
    if (state === 'delayed') return ms(Math.max(median ?? 0, player.lastAge > this.old ? player.lastAge : 0, since));
    return state === 'live' && median !== null ? ms(median) : '';
  }

  #speak() {
    const state = this.status.aiOff === null ? this.status.state : 'ai_off';
    if (state === this.#spoken) return;
    this.#spoken = state;
    text($('spoken'), t(`spoken.${state}`));
  }
}
