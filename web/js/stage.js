// The stage of a page that shows a live picture: its buttons and keys, alone or on the full screen, and kept awake.
import { $ } from './page.js';

export function pictureOnly(on = !document.body.classList.contains('only')) {
  document.body.classList.toggle('only', on);
  $('leave').hidden = !on;
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $('stage').requestFullscreen?.().catch(() => pictureOnly(true));
}

/** A screen that is watched does not go dark; browsers end this when the page is hidden. */
function keepAwake() {
  navigator.wakeLock?.request('screen').catch(() => {});
}

/** `more`: key → what it does, beside the keys that all such pages have, or instead of them. */
export function controls(player, more) {
  const keys = {
    f: fullScreen, p: () => pictureOnly(), escape: () => pictureOnly(false),
    '?': () => { if (!$('help').open) $('help').showModal(); }, ...more,
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, select')) return;
    keys[event.key.toLowerCase()]?.();
  });
  $('full').addEventListener('click', fullScreen);
  $('only').addEventListener('click', () => pictureOnly(true));
  $('leave').addEventListener('click', () => pictureOnly(false));
  document.addEventListener('change', ({ target }) => { if (target.name === 'sync') player.hold.sync = target.value; });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    player.hurry();
    keepAwake();
  });
  addEventListener('online', () => player.hurry());
  keepAwake();
}
