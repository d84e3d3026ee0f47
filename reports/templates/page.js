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

addEventListener("DOMContentLoaded", () => {
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
