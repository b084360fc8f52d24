// The one glance: is it live, how old is it, is the AI on. Pure: facts in, state out.

export const OLD_MS = 200; // a picture older than this when drawn is DELAYED
export const LOST_MS = 1000; // no picture for this long is NO SIGNAL
const AI_MS = 300;

/**
 * f: {t, opened, lastPicture|null, lastAge (ms, of the newest picture when it was drawn), interval|null
 * (usual, between pictures), firstPicture, lastResult|null, usualGap|null, old (ms, of a picture that is
 * delayed; default OLD_MS)}; times in ms, one clock.
 * Gives {state: 'connecting'|'live'|'delayed'|'no_signal', since, aiOff: ms|null}; `since` is how
 * long no picture came, from `opened` on where none came yet.
 */
export function classify(f) {
  const since = f.t - (f.lastPicture ?? f.opened);
  if (since >= LOST_MS) return { state: 'no_signal', since, aiOff: null };
  if (f.lastPicture === null) return { state: 'connecting', since, aiOff: null };
  const late = since > Math.max(OLD_MS, 2 * (f.interval ?? 0)) || f.lastAge > (f.old ?? OLD_MS);
  const silent = f.t - (f.lastResult ?? f.firstPicture);
  const aiOff = silent > Math.max(AI_MS, 2 * (f.usualGap ?? 0)) ? silent : null;
  return { state: late ? 'delayed' : 'live', since, aiOff };
}
