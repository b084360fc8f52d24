// Words and numbers of the user's language. Elements carry data-t="key" (text) or
// data-t-label="key" (aria-label and title, or alt); the English words stand in the HTML itself.

const root = document.documentElement;
let strings = {};
let formats = new Map();

/** The string of `key` with {name} replaced by vars.name; the key itself when it is unknown. */
export function t(key, vars = {}) {
  const text = strings[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => vars[name] ?? all);
}

/** True when the language has a string for `key` (codes of the server may be newer than the page). */
export const known = (key) => key in strings;

/** A number in the digits of the language; `digits` after the point. */
export function num(value, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  let format = formats.get(digits);
  if (!format) {
    const tag = root.lang === 'fa' ? 'fa-IR' : 'en-GB';
    format = new Intl.NumberFormat(tag, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });
    formats.set(digits, format);
  }
  return format.format(value);
}

/** "62 ms"; above 10 s in whole seconds, because nobody reads five digits. */
export function ms(value, digits = 0) {
  return value >= 10000 ? t('unit.s', { n: num(value / 1000) }) : t('unit.ms', { n: num(value, digits) });
}

/** Wall clock time of day of a Unix time in milliseconds. */
export const timeOfDay = (unix) => new Date(unix).toLocaleTimeString(root.lang === 'fa' ? 'fa-IR' : 'en-GB');

/** Translates all marked elements under `scope`. */
export function apply(scope = document) {
  for (const e of scope.querySelectorAll('[data-t]')) e.textContent = t(e.dataset.t);
  for (const e of scope.querySelectorAll('[data-t-label]')) {
    const text = t(e.dataset.tLabel);
    e.setAttribute(e.tagName === 'IMG' ? 'alt' : 'aria-label', text);
    if (e.tagName === 'BUTTON' || e.tagName === 'A') e.title = text;
  }
}

/** Loads a language, translates the page in place and tells listeners ("language" on document). */
export async function setLanguage(code) {
  strings = (await import(`./strings_${code}.js`)).default;
  root.lang = code;
  root.dir = code === 'fa' ? 'rtl' : 'ltr';
  formats = new Map();
  apply();
  root.classList.add('ready');
  document.dispatchEvent(new Event('language'));
}

await setLanguage(root.lang === 'fa' ? 'fa' : 'en');
