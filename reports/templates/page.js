"use strict";

// Before the page is drawn, so that nothing jumps: controls that need this script are shown.
const root = document.documentElement;
root.classList.add("script");

// Predict first: a mode that hides what came out, remembered where that can be: a page opened as a
// file may be denied storage.
const MODE = "thumbrules-predict-first";

function remembered() {
  try {
    return localStorage.getItem(MODE) === "yes";
  } catch {
    return false;
  }
}

function predictFirst(on) {
  root.classList.toggle("predicting", on);
  for (const button of document.querySelectorAll("button.mode")) button.setAttribute("aria-pressed", on);
}

predictFirst(remembered());

// A figure's points say what they show to a pointer and to the arrow keys; without this script the
// browser shows their titles. A legend lights its line.
function answer(svg) {
  const points = [...svg.querySelectorAll("[data-point] > title")].map((title) => {
    const point = title.parentNode;
    point.said = title.textContent;
    title.remove();
    return point;
  });
  const box = svg.parentNode;
  const tip = document.createElement("p");
  tip.className = "tip";
  tip.setAttribute("aria-live", "polite");
  tip.hidden = true;
  let at = -1;

  function show(index) {
    at = index;
    for (const point of points) point.classList.toggle("at", point === points[at]);
    tip.hidden = at < 0;
    if (at < 0) return;
    const frame = box.getBoundingClientRect();
    const place = points[at].getBoundingClientRect();
    tip.textContent = points[at].said;
    const middle = place.left + place.width / 2 - frame.left;
    tip.style.left = `${Math.min(Math.max(middle, 90), Math.max(frame.width - 90, 90))}px`;
    tip.style.top = `${place.top - frame.top}px`;
  }

  function light(series) {
    for (const part of svg.querySelectorAll("[data-series]"))
      part.classList.toggle("dim", series !== undefined && part.dataset.series !== series);
  }

  if (points.length) {
    box.append(tip);
    svg.tabIndex = 0;
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) show((at + step + points.length) % points.length);
      else if (event.key === "Escape") show(-1);
      else return;
      event.preventDefault();
    });
    svg.addEventListener("blur", () => show(-1));
    svg.addEventListener("pointerleave", () => show(-1));
    points.forEach((point, index) => point.addEventListener("pointerenter", () => show(index)));
  }
  for (const part of svg.querySelectorAll("[data-legend]")) {
    part.addEventListener("pointerenter", () => light(part.dataset.legend));
    part.addEventListener("pointerleave", () => light());
  }
}

addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".drawing svg").forEach(answer);
  predictFirst(remembered());
  for (const button of document.querySelectorAll("button.mode"))
    button.addEventListener("click", () => {
      const on = !root.classList.contains("predicting");
      predictFirst(on);
      try {
        localStorage.setItem(MODE, on ? "yes" : "no");
      } catch {
        // then it holds for this page
      }
    });
  // Whoever changes the language stays at the same claim, or with the same filters.
  for (const link of document.querySelectorAll("a.language"))
    link.addEventListener("click", () => (link.hash = location.hash));
});
