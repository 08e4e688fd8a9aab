// Elements made in code. Words go in as text, never as markup, so that what a sign or a web page says stays text.

export const $ = id => document.getElementById(id);

export function el(name, given = {}, ...children) {
  return filled(document.createElement(name), given, children);
}

export function svg(name, given = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), given, children);
}

function filled(element, given, children) {
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "width_share") element.style.width = `${(100 * value).toFixed(1)}%`;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

// Only addresses of the web become links.
export function link(url, words) {
  if (!/^https?:\/\/[^\s<>"'\\]{1,2000}$/i.test(url)) return el("span", {}, words);
  return el("a", { href: url, rel: "noopener noreferrer nofollow", target: "_blank" }, words);
}

export function show(element, shown) { element.hidden = !shown; }
