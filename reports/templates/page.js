"use strict";

// Before the page is drawn, so that nothing jumps: controls that need this script are shown.
const root = document.documentElement;
root.classList.add("script");

addEventListener("DOMContentLoaded", () => {
  // Whoever changes the language stays at the same claim, or with the same filters.
  for (const link of document.querySelectorAll("a.language"))
    link.addEventListener("click", () => (link.hash = location.hash));
});
