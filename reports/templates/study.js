
function predictions() {
  const section = document.querySelector(".predictions");
  if (!section) return;
  const score = { right: 0, all: 0 };

  function reveal(card, button) {
    const right = button.value === card.dataset.kind;
    const verdict = card.querySelector(".badge").lastChild.textContent.trim();
    const said = card.querySelector(".predicted");
    said.textContent = (right ? section.dataset.right : section.dataset.wrong)
      .replace("{choice}", button.textContent)
      .replace("{verdict}", verdict);
    said.classList.toggle("right", right);
    said.hidden = false;
    card.classList.add("open");
    said.focus();
    score.all += 1;
    score.right += right;
    section.querySelector(".score").textContent = section.dataset.score
      .replace("{right}", score.right)
      .replace("{all}", score.all);
    if (!section.querySelector(".card:not(.open)")) predictFirst(false); // and the counts of the verdicts
  }

  for (const card of section.querySelectorAll(".card"))
    for (const button of card.querySelectorAll(".predict button"))
      button.addEventListener("click", () => reveal(card, button));
}

// What a link leads to is open: a claim with its tests, or a part of the page.
function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  target.classList.add("open");
  for (const fold of [target.closest("details"), target.querySelector(":scope > details")])
    if (fold) fold.open = true;
  target.scrollIntoView();
}

function folds() {
  const button = document.querySelector("button.openall");
  button?.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", open);
    for (const fold of document.querySelectorAll("details.more, details.fold")) fold.open = open;
  });
  addEventListener("hashchange", openTarget);
  openTarget();
}

// A column's numbers sort as numbers; what is no number, or was not measured, comes last.
function sortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const value = (row, column) => {
    const text = row.cells[column].textContent;
    return [parseFloat(text.replaceAll(",", "").replace("−", "-")), text];
  };
  function compare([a, aText], [b, bText]) {
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b) || aText.localeCompare(bText);
    return a - b;
  }
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending";
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = [...body.rows].map((row) => [value(row, column), row]);
      keyed.sort(([a], [b]) => {
        const order = compare(a, b);
        return down && isNaN(a[0]) === isNaN(b[0]) ? -order : order;
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });
}

addEventListener("DOMContentLoaded", () => {
  predictions();
  folds();
  document.querySelectorAll("table.sortable").forEach(sortable);
});
