// What every page has: theme and language switch, copy buttons, dialogs, the sentence of a failed request.
import { t, setLanguage } from './i18n.js';

export const $ = (id) => document.getElementById(id);

const root = document.documentElement;
const keep = (key, value) => {
  try { localStorage.setItem(`fovea.${key}`, value); } catch { /* private window: only not kept */ }
};

/** Sets text only when it changed: no layout and no screen reader for nothing. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

function dress(e, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) if (value !== null) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

/** A new element: el('li', {class: 'x'}, child, 'text'). */
export const el = (tag, attributes = {}, ...children) => dress(document.createElement(tag), attributes, children);

/** A new element of a drawing. */
export const shape = (tag, attributes = {}, ...children) => dress(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/** A sentence in the page's note, '' for none. */
export function say(key, vars) {
  $('note').hidden = !key;
  text($('note'), key ? t(key, vars) : '');
}

/** JSON from the server; throws an Error whose message is a sentence for people, with the status and what the server
 * said of the problem where it answered. */
export async function request(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { cache: 'no-store', ...options });
  } catch {
    throw new Error(t('error.unreachable'));
  }
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(answer.status === 401
    ? t('error.token') : problem.detail || problem.title || t('error.status', { n: answer.status }));
  throw Object.assign(error, { status: answer.status, problem });
}

const RUNTIMES = { openvino: 'OpenVINO', onnxruntime: 'ONNX Runtime', litert: 'LiteRT', remote: 'remote' };

/** "OpenVINO 2026.4.1" of "openvino" and "2026.4.1-22982-…"; null without a runtime. */
export function runtime(name, version = '') {
  return name ? `${RUNTIMES[name] ?? name} ${(version ?? '').split('-')[0]}`.trim() : null;
}

/** Shows the server's QR code of `path` in an <img>, or nothing where the server draws none. */
export function showQr(image, path) {
  image.hidden = true;
  image.onload = () => { image.hidden = false; };
  image.src = `/api/qr?text=${encodeURIComponent(path)}`;
}

async function copy(button) {
  const value = $(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(value);
  } catch { // not allowed on an insecure page: select it, so that one key press copies
    getSelection().selectAllChildren($(button.dataset.copy));
    return;
  }
  button.textContent = t('copied');
  setTimeout(() => { button.textContent = t('copy'); }, 1500);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.id === 'theme') {
    root.dataset.theme = root.dataset.theme === 'light' ? 'dark' : 'light';
    keep('theme', root.dataset.theme);
  } else if (button.id === 'language') {
    const code = root.lang === 'fa' ? 'en' : 'fa';
    keep('lang', code);
    setLanguage(code);
  } else if (button.dataset.copy) copy(button);
  else if (button.dataset.open) $(button.dataset.open).showModal();
  else if (button.dataset.close !== undefined) button.closest('dialog').close();
});
document.addEventListener('click', (event) => { // a click beside a dialog closes it
  if (event.target.tagName === 'DIALOG') event.target.close();
});
