// The viewer page: state pills, panel, controls. Receiving and painting is player.js.
import { $, say, text } from './page.js';
import { Player } from './player.js';
import { Watch, whyClosed } from './watch.js';
import { Panel } from './panel.js';
import { controls } from './stage.js';
import { now } from './clock.js';

const token = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
const path = `/ws/view/${encodeURIComponent(token)}`;
const query = new URLSearchParams(location.search);
const panel = new Panel();
const stage = $('stage');
let paintedBefore = 0;
let fps = 0;

const player = new Player($('canvas'), stage, {
  socket: (connected, event) => { connected ? say('') : whyClosed(token, event).then((why) => say(...why)); },
  message: (message) => {
    if (message.type === 'view') {
      player.options.names = message.labels ?? null;
      player.hold.maxLatency = message.max_latency_ms ?? 200;
      name(message.camera ?? token);
      panel.view(message);
    } else if (message.type === 'stats') panel.stats(message);
    else if (message.type === 'adaptation') panel.adaptation(message);
    else if (message.type === 'camera') panel.camera(message);
    else if (message.type === 'error') say('error.server', { why: message.message });
  },
});
const watch = new Watch(player, stage);

function name(camera) {
  text($('name'), camera);
  document.title = `${camera} · fovea`;
}

function everySecond() {
  fps = player.painted - paintedBefore;
  paintedBefore = player.painted;
  const at = now();
  player.meter.tick(at);
  panel.update(player, fps, at);
  player.send({ type: 'performance_stats', fps, latency: watch.median, queueSize: player.hold.length });
}

function toggle(option) {
  player.options[option] = !player.options[option];
  $(option).setAttribute('aria-pressed', player.options[option]);
  player.repaint();
}

controls(player, { b: () => toggle('boxes'), l: () => toggle('labels') });
$('boxes').addEventListener('click', () => toggle('boxes'));
$('labels').addEventListener('click', () => toggle('labels'));
document.addEventListener('change', ({ target }) => { if (target.name === 'render') player.open(path, target.value); });
document.addEventListener('language', () => { player.repaint(); });

function choose(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${CSS.escape(value)}"]`);
  if (input) input.checked = true;
}
choose('sync', query.get('sync') ?? 'exact');
choose('render', query.get('render') ?? 'client');
player.hold.sync = document.querySelector('input[name="sync"]:checked').value;
name(token);
$('empty-link').href = `/camera/${encodeURIComponent(token)}`;
player.open(path, document.querySelector('input[name="render"]:checked').value);
setInterval(everySecond, 1000);

/** Read-only, for tests and the curious. */
window.fovea = Object.freeze({
  get lastFrame() { return player.lastFrame && structuredClone(player.lastFrame); },
  history: (n = 1000) => structuredClone(player.history(n)),
  stats: () => {
    const at = now();
    return {
      ...player.meter.over(60000, at), lastSecond: player.meter.over(1000, at), state: watch.status.state, aiOff: watch.status.aiOff,
      fps, received: player.received, painted: player.painted, skipped: player.skipped, late: player.late,
      held: player.hold.length, patience: player.hold.patience, offset: player.clock.offset, roundTrip: player.clock.roundTrip,
    };
  },
});
