
// Filtering the claims. The address holds the state, so that a filtered page can be sent on.
addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form.filters");
  if (!form) return;
  const sections = [...document.querySelectorAll("section.chapter")].map((section) => ({
    section,
    rows: [...section.querySelectorAll("tbody tr")].map((row) => ({
      row,
      text: row.textContent.toLowerCase(),
    })),
  }));
  const phone = matchMedia("(max-width: 40rem)"); // where a row takes half a screen
  const all = sections.reduce((sum, { rows }) => sum + rows.length, 0);

  function filter() {
    const wanted = new FormData(form);
    const verdicts = wanted.getAll("verdict");
    const words = wanted.get("q").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { section, rows } of sections) {
      const inChapter = [section.dataset.chapter, ""].includes(wanted.get("chapter"));
      let left = 0;
      for (const { row, text } of rows) {
        const fits =
          inChapter &&
          (!verdicts.length || verdicts.includes(row.dataset.verdict)) &&
          words.every((word) => text.includes(word));
        row.hidden = !fits;
        left += fits;
      }
      section.hidden = !left;
      shown += left;
    }
    for (const { section } of sections)
      section.querySelector("details").open = !phone.matches || shown < all;
    form.querySelector("output").textContent = form.dataset.shown
      .replace("{shown}", shown)
      .replace("{all}", all);
    form.querySelector("[type=reset]").hidden = shown === all;
    document.querySelector(".nothing").hidden = shown > 0;
  }

  function write() {
    const state = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) state.append(name, value);
    history.replaceState(null, "", `#${state}`);
  }

  function read() {
    const state = new URLSearchParams(location.hash.slice(1));
    if (location.hash && !location.hash.includes("=")) return; // an anchor
    for (const box of form.elements.verdict) box.checked = state.getAll("verdict").includes(box.value);
    form.elements.chapter.value = state.get("chapter") ?? "";
    form.elements.q.value = state.get("q") ?? "";
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => (filter(), write()));
  form.addEventListener("reset", () => setTimeout(() => (filter(), write())));
  addEventListener("hashchange", () => (read(), filter()));
  read();
  filter();
});
