"use strict";
(() => {
  const { BeliefMap, clamp } = GeoMap;

  function startMaps() {
    const maps = [];
    const start = figure => { if (!figure.map) { figure.map = new BeliefMap(figure); maps.push(figure.map); } };
    const seen = new IntersectionObserver(entries => {
      for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); start(entry.target); }
    }, { rootMargin: "400px" });
    const figures = [...document.querySelectorAll("figure[data-map]")];
    figures.forEach(figure => seen.observe(figure));
    const redraw = () => maps.forEach(map => map.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    // Paper is white, whatever the screen is, and everything is unfolded on it.
    let folded = [];
    window.addEventListener("beforeprint", () => {
      document.documentElement.dataset.theme = "light";
      folded = [...document.querySelectorAll("details:not([open])")];
      folded.forEach(part => { part.open = true; });
      figures.forEach(start);
      maps.forEach(map => map.resize());
    });
    window.addEventListener("afterprint", () => {
      delete document.documentElement.dataset.theme;
      folded.forEach(part => { part.open = false; });
      redraw();
    });
  }

  function sortTables() {
    for (const button of document.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => {
        const heading = button.closest("th"), table = button.closest("table"), column = heading.cellIndex;
        const now = heading.getAttribute("aria-sort");
        const numbers = !["claim", "tool"].includes(button.dataset.sort);
        const sign = now ? (now === "ascending" ? -1 : 1) : numbers ? -1 : 1;
        table.querySelectorAll("th").forEach(th => th.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        const value = row => row.cells[column].dataset.value;
        const order = numbers ? (a, b) => value(a) - value(b) : (a, b) => value(a).localeCompare(value(b));
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => sign * order(a, b) || a.dataset.row - b.dataset.row));
      });
    }
  }

  async function copy(button) {
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      // Without leave to write to the clipboard the coordinates are at least selected.
      getSelection().selectAllChildren(button.parentElement.querySelector("code"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = words; }, 1600);
  }

  function overlays() {
    for (const frame of document.querySelectorAll(".frame")) {
      const tip = frame.querySelector(".tip");
      const show = box => {
        const around = frame.getBoundingClientRect(), at = box.querySelector("rect").getBoundingClientRect();
        tip.textContent = box.dataset.label;
        tip.classList.add("shown");
        const left = clamp(at.left - around.left, 4, Math.max(4, around.width - tip.offsetWidth - 4));
        const below = at.bottom - around.top + 6;
        tip.style.left = `${left}px`;
        tip.style.top = `${below + tip.offsetHeight < around.height ? below : Math.max(4, at.top - around.top - tip.offsetHeight - 6)}px`;
      };
      for (const box of frame.querySelectorAll(".box")) {
        box.addEventListener("pointerenter", () => show(box));
        box.addEventListener("focus", () => show(box));
        for (const leave of ["pointerleave", "blur"]) box.addEventListener(leave, () => tip.classList.remove("shown"));
      }
    }
    for (const box of document.querySelectorAll("[data-shows]")) {
      box.addEventListener("change", () => box.closest("figure").classList.toggle(`no-${box.dataset.shows}`, !box.checked));
    }
  }

  startMaps();
  sortTables();
  overlays();
  document.querySelectorAll("[data-copy]").forEach(button => button.addEventListener("click", () => copy(button)));
})();
