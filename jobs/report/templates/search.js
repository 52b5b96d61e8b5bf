const entries = JSON.parse(document.getElementById("entries").textContent);
const box = document.getElementById("search");
const list = document.getElementById("found");
const told = document.getElementById("said");
const MOST = 60;

function item(entry) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = entry.u;
  link.textContent = entry.n;
  const type = document.createElement("span");
  type.className = "soft small";
  type.textContent = " " + entry.t;
  const text = document.createElement("div");
  text.textContent = entry.d;
  row.append(link, type, text);
  return row;
}

// A word in the column's own name comes first, then in its text, then in the table's name.
function rank(entry, words) {
  const own = entry.n.split(/\.|: /).pop().toLowerCase();
  const text = entry.d.toLowerCase();
  return Math.max(...words.map(w => (own.includes(w) ? 0 : text.includes(w) ? 1 : 2)));
}

function show() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = words.length ? entries.filter(e => words.every(w => (e.n + " " + e.d).toLowerCase().includes(w))) : [];
  const found = all.sort((a, b) => rank(a, words) - rank(b, words));
  const text = found.length > MOST ? told.dataset.more : told.dataset.found;
  list.replaceChildren(...found.slice(0, MOST).map(item));
  told.textContent = words.length ? text.replace("{found}", found.length).replace("{most}", MOST) : "";
}

box.addEventListener("input", show);
box.value = box.value || decodeURIComponent(location.hash.slice(1));
show();
