// What the page remembers on this machine, e.g. the wall; lost where the browser keeps nothing.
export function kept(key, otherwise) {
  try {
    const text = localStorage.getItem(`rtcc.${key}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function keep(key, value) {
  try {
    localStorage.setItem(`rtcc.${key}`, JSON.stringify(value));
  } catch {
    // a browser without storage: the page works all the same, it only forgets
  }
}
