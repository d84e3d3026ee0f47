
// Predict first. What a reader has chosen to see is remembered for the visit, where it can be:
// a page opened as a file may be denied storage.
const EVERYTHING = "thumbrules-show-everything";

function remembered() {
  try {
    return sessionStorage.getItem(EVERYTHING) === "yes";
  } catch {
    return false;
  }
}

function remember(everything) {
  try {
    sessionStorage.setItem(EVERYTHING, everything ? "yes" : "no");
  } catch {
    // then it holds for this page
  }
}

root.classList.toggle("predicting", !remembered());

function predictions() {
  const section = document.querySelector(".predictions");
  const everything = section.querySelector(".everything");
  const score = { right: 0, all: 0 };
  if (!everything) return;

  function show(all) {
    root.classList.toggle("predicting", !all);
    everything.setAttribute("aria-pressed", all);
  }

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
    if (!section.querySelector(".card:not(.open)")) show(true); // and the counts of the verdicts
  }

  function openTarget() {
    document.getElementById(location.hash.slice(1))?.classList.add("open");
  }

  everything.addEventListener("click", () => {
    const all = root.classList.contains("predicting");
    show(all);
    remember(all);
  });
  for (const card of section.querySelectorAll(".card"))
    for (const button of card.querySelectorAll(".predict button"))
      button.addEventListener("click", () => reveal(card, button));
  addEventListener("hashchange", openTarget);
  openTarget();
  show(remembered());
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
  document.querySelectorAll("table.sortable").forEach(sortable);
});
