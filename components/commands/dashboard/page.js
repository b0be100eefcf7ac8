// Draws what the server says, and says when the server says nothing. Every text comes from the server as text.
"use strict";

const KEPT_MS = 3600 * 1000; // The lines go back an hour.
const QUIET_MS = 3000; // What is older is said to be.
const SVG = "http://www.w3.org/2000/svg";
const PLOTS = [
  ["requests/s", [["requests", ""]]],
  ["failed/s", [["failed", ""]]],
  ["p50 (dashed) and p99, ms", [["p99", ""], ["p50", "dashed"]]],
];
const stacks = new Map(); // By name: { element, facts, freshAt, points, drawn }
let heardAt = performance.now();

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// A screen reader reads what changes: nothing is written twice.
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Builds a part anew only where its facts are others: focus and selection stay.
function redraw(stack, part, facts, build) {
  const said = JSON.stringify(facts);
  if (stack.drawn[part] === said) return;
  stack.drawn[part] = said;
  stack.element.querySelector(part).replaceChildren(...build(facts));
}

function colourOf(facts, version) {
  const known = facts.versions.find((one) => one.name === version);
  return `c${known ? known.colour : 0}`;
}

function swatch(facts, version) {
  const mark = make("span", `swatch ${colourOf(facts, version)}`);
  mark.setAttribute("aria-hidden", "true");
  return mark;
}

function share(facts, bar, first) {
  const texts = bar.parts.map((part) => `${part.version} ${part.text}`);
  // On the narrowest screen a part has room for so many letters; what does not fit stands below.
  const fits = (part, number) => part.share > 2.7 * texts[number].length;
  const drawn = make("div", bar.parts.length ? "bar" : "bar empty", ...bar.parts.map((part, number) => {
    const piece = make("span", colourOf(facts, part.version), fits(part, number) ? texts[number] : "");
    piece.style.width = `${part.share}%`;
    return piece;
  }));
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", `${bar.name}: ${texts.join(", ") || bar.note}`);
  const below = bar.parts.every(fits) ? [] : texts.map((text, number) =>
    make("span", "", swatch(facts, bar.parts[number].version), text));
  const under = make("span", "soft legend", ...(bar.note ? [bar.note] : below));
  return make("div", first ? "share first" : "share", make("span", "", bar.name), drawn, under);
}

function finding(found) {
  const item = make("li", "", found.what);
  if (found.mend) {
    const copy = make("button", "", "Copy");
    copy.type = "button";
    copy.setAttribute("aria-label", `Copy: ${found.mend}`);
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(found.mend);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
    item.append(make("div", "cure", make("code", "", found.mend), copy));
  }
  return item;
}

function versionRow(facts, version) {
  const name = make("th", "", swatch(facts, version.name), version.name);
  name.scope = "row";
  const failed = make("td", version.failed === "0" ? "" : "bad", version.failed + (version.why ? ` (${version.why})` : ""));
  const cells = [version.success, version.p50, version.p99].map((text) => make("td", "", text));
  return make("tr", "", name, make("td", "", version.ready), make("td", "", version.rate), failed, ...cells,
    make("td", "text", version.image));
}

function historyRow(update) {
  const cells = [["nowrap", update.when], ["", update.change], [update.tone, update.result], ["", update.who],
    ["", update.what], ["", update.back]];
  return make("tr", "", ...cells.map(([kind, text]) => make("td", `text ${kind}`, text)));
}

function remember(stack) {
  const at = performance.now();
  const there = new Set(stack.facts.versions.map((version) => version.name));
  for (const name of stack.points.keys()) if (!there.has(name)) stack.points.delete(name);
  for (const version of stack.facts.versions) {
    const points = stack.points.get(version.name) ?? [];
    points.push({ at, ...version.points });
    while (points[0].at < at - KEPT_MS) points.shift();
    stack.points.set(version.name, points);
  }
}

// A line with a gap where nothing was known.
function line(points, key, begin, end, top) {
  let drawn = "", last = null;
  for (const point of points) {
    if (point[key] === null || point[key] === undefined) { last = null; continue; }
    const x = ((point.at - begin) / (end - begin) * 1000).toFixed(1), y = (99 - point[key] / top * 96).toFixed(1);
    drawn += (last === null || point.at - last > 2 * QUIET_MS ? "M" : "L") + x + " " + y;
    last = point.at;
  }
  return drawn;
}

// Times as the table has them, so that <1 is not 0.
function shown(version, key) {
  if (key.startsWith("p")) return version[key];
  return version.points[key] === null ? "-" : version.points[key].toFixed(0);
}

function plots(stack) {
  const all = [...stack.points.values()].flat(), end = performance.now();
  const begin = Math.min(end - 10000, ...[...stack.points.values()].map((points) => points[0].at));
  return PLOTS.map(([title, keys]) => {
    let top = 1;
    for (const point of all) for (const [key] of keys) top = Math.max(top, point[key] ?? 0);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 1000 100");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("class", "plot");
    svg.setAttribute("aria-hidden", "true");
    const now = [];
    for (const version of stack.facts.versions) {
      const points = stack.points.get(version.name) ?? [];
      for (const [key, kind] of keys) {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("class", `${colourOf(stack.facts, version.name)} ${kind}`);
        path.setAttribute("d", line(points, key, begin, end, top));
        svg.append(path);
      }
      const values = keys.map(([key]) => shown(version, key));
      now.push(make("span", "", swatch(stack.facts, version.name), `${version.name} ${values.reverse().join(" / ")}`));
    }
    const axis = make("div", "axis", make("span", "", `${Math.round((end - begin) / 1000)} s ago`), make("span", "", `top: ${top.toFixed(0)}`), make("span", "", "now"));
    return make("figure", "", make("figcaption", "", make("b", "", title), ...now), svg, axis);
  });
}

function draw(stack) {
  const { element, facts } = stack;
  write(element.querySelector("h2"), facts.context ? `${facts.stack} on ${facts.context}` : facts.stack);
  const running = element.querySelector(".running");
  running.hidden = !facts.running;
  write(running, facts.running);
  if (facts.findings) {
    redraw(stack, ".findings ul", facts.findings, (found) => found.map(finding));
    const none = facts.findings.length ? "" : "Nothing.";
    const looked = facts.looking ? "Looking again…" : `Looked at ${facts.lookedAt}`;
    write(element.querySelector(".findings .note"), facts.findingsWhy || `${none} ${looked}`.trim());
    redraw(stack, ".history tbody", facts.history, (updates) => updates.map(historyRow));
    write(element.querySelector(".history .note"), facts.historyWhy);
  }
  if (!facts.versions) return;
  redraw(stack, ".verdict", [facts.verdict, facts.reason, facts.tone], ([verdict, reason, tone]) => [make("b", tone, verdict), `: ${reason}`]);
  redraw(stack, ".bars", [facts.bars, facts.versions.map((one) => one.name)], ([bars]) => bars.map((bar, number) => share(facts, bar, number === 0)));
  redraw(stack, ".versions tbody", facts.versions.map(({ points, ...rest }) => rest), (rows) => rows.map((row) => versionRow(facts, row)));
  element.querySelector(".plots").replaceChildren(...plots(stack));
}

function take(facts) {
  let stack = stacks.get(facts.stack);
  if (!stack) {
    const element = document.getElementById("stack").content.firstElementChild.cloneNode(true);
    for (const table of element.querySelectorAll(".table"))
      table.setAttribute("aria-label", `${table.parentElement.querySelector("h3").textContent} of ${facts.stack}`);
    document.querySelector("main").append(element);
    stack = { element, points: new Map(), drawn: {}, freshAt: null };
    stacks.set(facts.stack, stack);
  }
  stack.facts = facts;
  const before = stack.freshAt;
  age(stack, facts);
  if (facts.versions && !isStale(stack) && (before === null || stack.freshAt - before > 500)) remember(stack);
  draw(stack);
}

function age(stack, said) {
  stack.freshAt = said.age === null ? null : performance.now() - 1000 * said.age;
  stack.why = said.why;
}

function isStale(stack) {
  return stack.freshAt === null || performance.now() - stack.freshAt > QUIET_MS;
}

// What is not news is said: by each stack that was not read lately, and of the server itself.
function tell() {
  const now = performance.now(), late = [];
  for (const [name, stack] of stacks) {
    const stale = isStale(stack);
    stack.element.classList.toggle("stale", stale);
    if (!stale) continue;
    const since = stack.freshAt === null ? "No news yet" : `No news for ${Math.round((now - stack.freshAt) / 1000)} s`;
    late.push(`${since} of ${name}: ${stack.why || "the cluster has not answered yet"}`);
  }
  if (now - heardAt > QUIET_MS)
    late.splice(0, late.length, `No news for ${Math.round((now - heardAt) / 1000)} s: the dashboard does not answer. Where it has ended, start it again: blue-green dashboard`);
  const news = document.getElementById("news");
  write(news, late.join("; ") || (stacks.size ? "Live" : "Reading…"));
  news.classList.toggle("bad", late.length > 0 && (stacks.size > 0 || now - heardAt > QUIET_MS));
  const verdicts = [...stacks.values()].map((stack) => stack.facts.verdict).filter(Boolean);
  document.title = `${late.length ? "no news" : [...new Set(verdicts)].join(", ") || "reading"} – blue-green`;
}

// The token is in a cookie from now on: the address can be shown to others.
history.replaceState(null, "", location.pathname);
const events = new EventSource("/events");
const hear = (use) => (event) => { heardAt = performance.now(); use(JSON.parse(event.data)); tell(); };
events.addEventListener("stack", hear(take));
events.addEventListener("ages", hear((all) => { for (const said of all) if (stacks.has(said.stack)) age(stacks.get(said.stack), said); }));
setInterval(tell, 1000);
