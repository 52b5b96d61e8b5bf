// Tables are sorted by a column and searched by words, and where a column has few different words, by one of them.
// Without this script the page is whole; with it nothing is fetched.
const said = document.body.dataset;
const LONG = 8;
const MOST_CHOICES = 30;

function sortBy(table, column, order) {
  const value = row => {
    const cell = row.cells[column];
    const held = cell?.querySelector("[data-value]") ?? cell;
    return (held?.dataset.value ?? held?.textContent ?? "").trim();
  };
  const number = text => (/^-?[\d,]+(\.\d+)?$/.test(text) ? Number(text.replaceAll(",", "")) : NaN);
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    if (!isNaN(x) && !isNaN(y)) return x - y;
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    return a.localeCompare(b, document.documentElement.lang, { numeric: true });
  };
  const sign = order === "descending" ? -1 : 1;
  const rows = [...table.made];
  if (order !== "none") rows.sort((a, b) => sign * compare(value(a), value(b)));
  table.tBodies[0].append(...rows);
}

function addSort(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")] ?? "ascending";
      heads.forEach(h => h.removeAttribute("aria-sort"));
      if (next !== "none") head.setAttribute("aria-sort", next);
      sortBy(table, column, next);
    });
  });
}

// The word of a cell is what it begins with; what stands below is said beside it.
function wordOf(row, column) {
  return (row.cells[column].firstChild?.textContent ?? "").trim();
}

function choiceOf(table, column, name, show) {
  const words = [...new Set(table.made.map(row => wordOf(row, column)))].sort();
  if (words.length < 2 || words.length > MOST_CHOICES) return null;
  const choice = document.createElement("select");
  choice.append(new Option(`${name}: ${said.all}`, ""), ...words.map(word => new Option(word, word)));
  choice.setAttribute("aria-label", name);
  choice.addEventListener("change", show);
  choice.fits = row => !choice.value || wordOf(row, column) === choice.value;
  return choice;
}

function addFilter(table) {
  const box = document.createElement("input");
  const told = document.createElement("output");
  const show = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = row => words.every(w => row.textContent.toLowerCase().includes(w)) && choices.every(c => c.fits(row));
    table.made.forEach(row => (row.hidden = !fits(row)));
    const shown = table.made.filter(row => !row.hidden).length;
    const isAll = !words.length && choices.every(c => !c.value);
    told.textContent = isAll ? "" : said.shown.replace("{shown}", shown).replace("{all}", table.made.length);
  };
  const heads = [...table.tHead.rows[0].cells];
  const choices = heads
    .map((head, column) => (head.hasAttribute("data-choice") ? choiceOf(table, column, head.textContent, show) : null))
    .filter(Boolean);
  box.type = "search";
  box.placeholder = said.filter;
  box.setAttribute("aria-label", `${said.filter}: ${table.caption.textContent}`);
  box.addEventListener("input", show);
  const tools = document.createElement("div");
  tools.className = "tools";
  tools.append(box, ...choices, told);
  table.parentElement.before(tools);
}

for (const table of document.querySelectorAll("table[data-tools]")) {
  table.made = [...(table.tBodies[0]?.rows ?? [])];
  if (table.dataset.tools === "sort" && table.made.length > 1) addSort(table);
  if (table.made.length > LONG) addFilter(table);
}
