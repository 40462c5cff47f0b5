"use strict";
// The page is whole without this. It shows values of charts where one points, and filters the rationales.
// Text is only ever set as text.

const PAGE = 25; // rationales shown at first, and more at a time

function charts() {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // what it says is the name of the mark
  document.body.append(tip);
  let shown = null;

  function hide() {
    if (shown) shown.classList.remove("on");
    shown = null;
    tip.hidden = true;
  }

  function show(mark) {
    if (mark === shown) return;
    hide();
    shown = mark;
    mark.classList.add("on");
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    const at = mark.getBoundingClientRect();
    const left = at.left + at.width / 2 - tip.offsetWidth / 2;
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${above < 4 ? at.bottom + 8 : above}px`;
  }

  function nearest(marks, x, y) {
    let best = null;
    let least = Infinity;
    for (const mark of marks) {
      const box = mark.getBoundingClientRect();
      const across = Math.max(box.left - x, 0, x - box.right);
      const along = Math.max(box.top - y, 0, y - box.bottom);
      const distance = across * across * 4 + along * along; // rather the right iteration than the nearest line
      if (distance < least) [best, least] = [mark, distance];
    }
    return best;
  }

  for (const svg of document.querySelectorAll("svg.chart")) {
    const marks = [...svg.querySelectorAll(".mark")];
    if (!marks.length) continue;
    for (const mark of marks) {
      const title = mark.querySelector("title");
      mark.setAttribute("aria-label", title.textContent);
      title.remove(); // or there were two tips
      mark.tabIndex = -1;
    }
    let current = 0;
    marks[0].tabIndex = 0; // one stop of the Tab key for a chart, arrows inside
    const go = (to) => {
      marks[current].tabIndex = -1;
      current = Math.max(0, Math.min(to, marks.length - 1));
      marks[current].tabIndex = 0;
      marks[current].focus();
    };
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    svg.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(marks.length - 1);
      else if (event.key in steps) go(current + steps[event.key]);
      else return;
      event.preventDefault();
    });
    svg.addEventListener("focusin", (event) => marks.includes(event.target) && show(event.target));
    svg.addEventListener("focusout", hide);
    for (const kind of ["pointermove", "pointerdown"])
      svg.addEventListener(kind, (event) => show(nearest(marks, event.clientX, event.clientY)));
    svg.addEventListener("pointerleave", hide);
  }
  addEventListener("scroll", hide, { passive: true });
}

function rationales() {
  const table = document.getElementById("specimens");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const bar = document.getElementById("filters");
  const fields = [...bar.querySelectorAll("select, input")];
  const more = document.getElementById("more");
  let most = PAGE;

  // Filters are kept in the address: #iteration=3&kind=forgotten
  function read() {
    if (!location.hash.includes("=")) return;
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) field.value = wanted.get(field.name) ?? "";
  }

  function write() {
    const wanted = new URLSearchParams(fields.filter((field) => field.value).map((field) => [field.name, field.value]));
    history.replaceState(null, "", `#${wanted.size ? wanted : "look"}`);
  }

  function matches(row, place) {
    return fields.every(({ name, value }) => {
      if (!value) return true;
      if (name === "text") return texts[place].includes(value.toLowerCase());
      return row.dataset[name] === value || (name === "kind" && row.dataset.kind.split("|").includes(value));
    });
  }

  function apply() {
    let found = 0;
    rows.forEach((row, place) => {
      const fits = matches(row, place);
      found += fits;
      row.hidden = !fits || found > most;
    });
    const shown = Math.min(found, most);
    document.getElementById("count").textContent = `${found} of ${rows.length} rationales, ${shown} shown`;
    more.hidden = found <= most;
  }

  function changed() {
    most = PAGE;
    write();
    apply();
  }

  bar.hidden = false;
  bar.addEventListener("input", changed);
  document.getElementById("clear").addEventListener("click", () => {
    for (const field of fields) field.value = "";
    changed();
  });
  more.addEventListener("click", () => {
    most += PAGE;
    apply();
  });
  addEventListener("hashchange", () => {
    read();
    apply();
  });
  // The exact prompt, whole, once somebody asks for it.
  table.addEventListener("toggle", (event) => {
    const link = event.target.querySelector('a[href^="#beginning-"]');
    if (link) link.replaceWith(document.getElementById(link.hash.slice(1)).textContent);
  }, true);
  read();
  apply();
}

charts();
rationales();
