const entries = JSON.parse(document.getElementById("entries").textContent);
const box = document.getElementById("search");
const list = document.getElementById("found");
const said = document.getElementById("said");
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

function show() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? entries.filter(e => words.every(w => (e.n + " " + e.d).toLowerCase().includes(w))) : [];
  list.replaceChildren(...found.slice(0, MOST).map(item));
  const more = found.length > MOST ? ", the first " + MOST + " are shown" : "";
  said.textContent = words.length ? found.length + " found" + more : "";
}

box.addEventListener("input", show);
box.value = box.value || decodeURIComponent(location.hash.slice(1));
show();
