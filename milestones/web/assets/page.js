// Keeps the first page fresh. What is being read neither moves nor closes: only what is new is put in.
"use strict";

const EVERY = 5000;
const MOST = 500; // entries; a page that is left open for weeks must not grow for weeks
const freshness = document.getElementById("freshness");

function entries(root) {
  return new Map(Array.from(root.querySelectorAll("li[data-key]"), (li) => [li.dataset.key, li]));
}

function when(li) {
  return Date.parse(li.querySelector("time").dateTime);
}

// Whether more has happened since the last look than the newest entries show: between them and the page something
// would be missing.
function leap(fresh) {
  const here = entries(document.getElementById("happenings"));
  const oldest = Array.from(entries(fresh).values()).at(-1);
  if (!oldest) return true;
  return !here.has(oldest.dataset.key) && when(oldest) >= Math.max(...Array.from(here.values(), when));
}

// An entry that is on the page stays where it is, since a frame that is moved loads again.
function putIn(parent, children, known, anchor) {
  let next = anchor;
  for (const child of children.reverse()) {
    const old = known(child);
    if (old) {
      next = old;
    } else {
      child.classList.add("new");
      parent.insertBefore(child, next);
      next = child;
    }
  }
}

function merge(fresh) {
  const page = document.getElementById("happenings");
  const here = entries(page);
  for (const [key, li] of entries(fresh)) {
    const old = here.get(key);
    if (old && !old.querySelector("details[open]") && old.outerHTML !== li.outerHTML) {
      old.replaceChildren(...li.cloneNode(true).childNodes);
      old.classList.remove("new");
    }
  }
  const days = Array.from(fresh.querySelectorAll("section"));
  for (const day of days) {
    const old = page.querySelector(`section[data-day="${day.dataset.day}"] ol`);
    if (old) putIn(old, Array.from(day.querySelectorAll("li")), (li) => here.get(li.dataset.key), null);
  }
  const known = (day) => page.querySelector(`section[data-day="${day.dataset.day}"]`);
  putIn(page, days, known, page.querySelector("section"));
  if (days.length) page.querySelector(".nothing")?.remove();
}

function keepingPlace(change) {
  const reading = window.scrollY > 0 || document.querySelector("details[open]");
  const seen = reading && Array.from(document.querySelectorAll("li[data-key]")).find((li) => li.getBoundingClientRect().bottom > 0);
  const before = seen && seen.getBoundingClientRect().top;
  change();
  if (seen) window.scrollBy(0, seen.getBoundingClientRect().top - before);
}

function show(fresh) {
  document.getElementById("overview").replaceWith(fresh.getElementById("overview"));
  const news = fresh.getElementById("happenings");
  const afresh = leap(news) || (window.scrollY === 0 && document.querySelectorAll("li[data-key]").length > MOST);
  if (!afresh) merge(news);
  else if (document.querySelector("details[open]")) return "Close the mail to see the newest";
  else for (const id of ["happenings", "older"]) document.getElementById(id).replaceWith(fresh.getElementById(id));
  return fresh.getElementById("now").textContent;
}

async function answered() {
  try {
    const answer = await fetch("/happenings", { signal: AbortSignal.timeout(EVERY) });
    const text = await answer.text();
    return answer.ok ? { text } : { fault: text };
  } catch {
    return { fault: "The daemon does not answer" };
  }
}

let asked = 0;
let shown = 0;

async function refresh() {
  if (document.hidden) return;
  const mine = ++asked;
  const { text, fault } = await answered();
  // A later question has been answered already: what this one says is older.
  if (mine < shown) return;
  shown = mine;
  freshness.classList.toggle("lost", fault !== undefined);
  if (fault !== undefined) {
    freshness.textContent = fault;
    return;
  }
  const fresh = new DOMParser().parseFromString(text, "text/html");
  keepingPlace(() => {
    freshness.textContent = show(fresh);
  });
}

setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
