// The contents on a phone, a button to copy each block, and search. No network: all of it also works from a folder.
const tree = document.getElementById("tree");
const menu = document.getElementById("menu");
menu.onclick = () => menu.setAttribute("aria-expanded", tree.classList.toggle("open"));
tree.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.body.appendChild(document.createElement("textarea"));
  area.value = text;
  area.select();
  document.execCommand("copy");
  area.remove();
}

for (const pre of document.querySelectorAll("main pre")) {
  const block = document.createElement("div");
  const button = document.createElement("button");
  block.className = "block";
  button.className = "copy";
  button.textContent = "Copy";
  button.onclick = async () => {
    await copy(pre.innerText.replace(/\n$/, ""));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  pre.replaceWith(block);
  block.append(pre, button);
}

const find = document.getElementById("find");
const hits = document.getElementById("hits");
const plain = (text) => text.toLowerCase();

function found(words) {
  const all = [];
  for (const one of window.DOCS || []) {
    const title = plain(one.title), text = plain(one.text);
    if (!words.every((word) => title.includes(word) || text.includes(word))) continue;
    all.push([words.filter((word) => title.includes(word)).length, one]);
  }
  return all.sort((a, b) => b[0] - a[0]).slice(0, 20).map((pair) => pair[1]);
}

find.oninput = () => {
  const words = plain(find.value).split(/\s+/).filter(Boolean);
  hits.replaceChildren(...(words.length ? found(words) : []).map((one) => {
    const item = document.createElement("li"), link = document.createElement("a"), some = document.createElement("small");
    const at = Math.max(0, plain(one.text).indexOf(words[0]) - 40);
    link.href = ROOT + one.location;
    link.textContent = one.title;
    some.textContent = one.text.slice(at, at + 120);
    link.append(some);
    item.append(link);
    return item;
  }));
  hits.hidden = !hits.children.length;
};
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== find) { event.preventDefault(); find.focus(); }
  if (event.key === "Escape") { hits.hidden = true; tree.classList.remove("open"); }
});
