// Runs before the first paint: theme, language and direction, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const query = new URLSearchParams(location.search);
  const kept = (key) => {
    try { return localStorage.getItem(`fovea.${key}`); } catch { return null; }
  };
  const light = matchMedia('(prefers-color-scheme: light)').matches;
  root.dataset.theme = kept('theme') || (light ? 'light' : 'dark');
  const wanted = query.get('lang') || kept('lang') || navigator.language || 'en';
  root.lang = wanted.startsWith('fa') ? 'fa' : 'en';
  root.dir = root.lang === 'fa' ? 'rtl' : 'ltr';
})();
