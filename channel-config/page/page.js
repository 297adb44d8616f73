(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  const at = (id) => document.getElementById(id);
  const made = (name, values = {}, ...children) => {
    const element = Object.assign(document.createElement(name), values);
    element.append(...children);
    return element;
  };
  const steps = [
    ["version", "Version"], ["os", "Operating system"], ["arch", "Architecture"],
    ["distro", "Distribution"], ["type", "Installer type"],
  ];
  const SHOWN = 6, ROWS = 50;
  const quoted = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
  const always = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const open = new Set();  // products of which older versions are shown
  let chosen = {}, rows = null, drawn = "";

  // What is chosen is in the URL: linkable, and the back button goes through it.
  const wanted = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : kept);
  let kept = "";
  function go(values, replace = false) {
    const params = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
    const hash = "#" + params;
    if (replace) history.replaceState(null, "", hash);
    else location.hash = hash;
    draw();
  }

  // Fetching: the same file by what a machine has. apt's helper is on every Debian and Ubuntu.
  const fetchers = {
    curl: (url, path, sudo) => `${sudo}curl -fsSLo ${quoted(path)} ${always(url)}`,
    wget: (url, path, sudo) => `${sudo}wget -qO ${quoted(path)} ${always(url)}`,
    python3: (url, path, sudo) =>
      `${sudo}python3 -c ${always('import sys, urllib.request as r; r.urlretrieve(*sys.argv[1:])')} ${always(url)} ${quoted(path)}`,
    apt: (url, path, sudo) => `${sudo}/usr/lib/apt/apt-helper download-file ${always(url)} ${quoted(path)}`,
  };
  let fetches = 0;
  function save(url, path, sudo = "") {
    fetches += 1;
    return fetchers[chosen.fetch](url, path, sudo);
  }
  // keeps a file only if it is the one this page means
  const check = (sha256, path, sudo = "") => `echo ${always(`${sha256}  ${path}`)} | sha256sum -c || ${sudo}rm ${quoted(path)}`;
  const written = (path, text) => `sudo tee ${quoted(path)} > /dev/null <<'END'\n${text.replace(/\n*$/, "\n")}END`;
  const told = (text) => text.replaceAll("@SITE@", base).replaceAll("@HOST@", new URL(base).hostname);

  // The files on the site call it by one URL: under another one, or where none is known, their text is written out.
  const here = data.url.replace(/\/$/, "") === base;
  const folderOf = (path) => path.replace(/\/[^/]*$/, "");
  function source(folder, [path, text]) {
    return here ? save(`${base}/${folder}${path}`, `/${path}`, "sudo ") : written(`/${path}`, told(text));
  }
  function setUp(folder, imported) {
    const client = data.clients[folder];
    if (!client) return [];
    if (here && client.package) {
      const [name, sha256] = client.package;
      return [save(`${base}/${folder}${name}`, name), check(sha256, name), `sudo dpkg -i ${name}`];
    }
    const keys = Object.entries(client.keys ?? {}).flatMap(([path, sha256]) => [
      save(`${base}/${folder}${path}`, `/${path}`, "sudo "), check(sha256, `/${path}`, "sudo "),
      ...(imported ? [`sudo rpm --import /${path}`] : []),
    ]);
    return [...keys, ...Object.entries(client.sources ?? {}).map((one) => source(folder, one))];
  }
  function configured(folder) {
    return Object.entries(data.clients[folder].sources).flatMap(([path, text]) => [
      ...(folderOf(path) === "etc" ? [] : [`sudo mkdir -p /${folderOf(path)}`]), source(folder, [path, text]),
    ]);
  }

  const name = (offer) => decodeURIComponent(offer.url.split("/").pop());
  const unpacked = (offer) => name(offer).replace(/\.(tgz|tar\.xz|zip)$/, "");
  const fetched = (offer) => [save(base + offer.url.slice(1), name(offer)), check(offer.sha256, name(offer))];
  const word = (offer) => offer.product.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const specs = (offer) => offer.specs.map(quoted).join(" ");
  const insecure = new URL(base).protocol === "http:" && !/^(localhost|127\..*|\[::1\])$/.test(new URL(base).hostname);
  const trusted = insecure ? `--trusted-host ${new URL(base).host} ` : "";
  const windows = () => chosen.os === "Windows";
  const python = (offer) => windows() ? `.\\${word(offer)}\\Scripts\\python` : `${word(offer)}/bin/python`;
  const system = { dnf: "dnf install --setopt='*.skip_if_unavailable=1'", yum: "yum install", zypper: "zypper install" };
  const refresh = { dnf: "dnf makecache --setopt='*.skip_if_unavailable=1'", yum: "yum makecache", zypper: "zypper refresh" };
  const conda = (tool) => (offer) => {
    const more = data.closed ? "" : " --channel conda-forge --strict-channel-priority";
    const channel = always(`${base}/${offer.repository}`);
    return [`${tool} create --name ${word(offer)} --override-channels --channel ${channel}${more} ${specs(offer)}`];
  };
  const commands = {
    deb: (offer) => [
      ...setUp(offer.client, false), "sudo apt-get update",
      ...(offer.specs.length ? [`sudo apt-get install ${specs(offer)}`] : []),
    ],
    rpm: (offer) => [
      ...setUp(offer.client, true),
      `sudo ${offer.specs.length ? `${system[offer.tool]} ${specs(offer)}` : refresh[offer.tool]}`,
    ],
    "deb-local": (offer) => [
      ...fetched(offer),
      `sudo dpkg -i ./${quoted(name(offer))}`,
      `sudo cp /var/${quoted(name(offer).split("_")[0])}/*-keyring.gpg /usr/share/keyrings/`,
      "sudo apt-get update",
      `sudo apt-get install ${specs(offer)}`,
    ],
    "rpm-local": (offer) => [
      ...fetched(offer),
      `sudo rpm -i ./${quoted(name(offer))}`,
      `sudo ${system[offer.tool]} ${specs(offer)}`,
    ],
    tar: (offer) => [
      ...fetched(offer),
      `mkdir ${unpacked(offer)}`,
      `tar -xf ${name(offer)} -C ${unpacked(offer)} --strip-components=${offer.strip}`,
      `sudo cp -P ${unpacked(offer)}/include/* /usr/local/cuda/include/`,
      `sudo cp -P ${unpacked(offer)}/lib*/* /usr/local/cuda/lib64/`,
    ],
    zip: (offer) => [
      `Invoke-WebRequest ${always(base + offer.url.slice(1))} -OutFile ${always(name(offer))}`,
      `if ((Get-FileHash ${always(name(offer))}).Hash -ne '${offer.sha256}') { throw 'not the file that is meant' }`,
      `Expand-Archive ${always(name(offer))} .`,
    ],
    file: fetched,
    conda: conda("conda"),
    mamba: conda("mamba"),
    pip: (offer) => [
      `${windows() ? "py" : "python3"} -m venv ${word(offer)}`,
      `${python(offer)} -m pip install --isolated ${trusted}--index-url ${always(base + "/simple/")} ${specs(offer)}`,
    ],
    uv: (offer) => [
      `uv venv --no-config ${word(offer)}`,
      `uv pip install --no-config --python ${word(offer)} --default-index ${always(base + "/simple/")} ${specs(offer)}`,
    ],
  };
  function lines(offer) {
    const type = offer.type.includes(chosen.type) ? chosen.type : offer.type[0];
    if (offer.lines) {
      const own = told(offer.lines).replace("--isolated ", `--isolated ${trusted}`);
      const before = offer.client && offer.tool ? setUp(offer.client, type === "rpm") : [];
      return [...before, ...(before.length && type === "deb" ? ["sudo apt-get update"] : []), own];
    }
    if (offer.client && !offer.tool) return configured(offer.client);
    return commands[type](offer);
  }

  const notes = {
    deb: "apt checks every package against the signed index.",
    rpm: "dnf asks once for the key of the metadata: compare the fingerprint with the one below.",
    "deb-local": "The installer brings a repository and its key; apt checks the packages with it. Installers of early 2022 and before have no keyring: add their .pub with apt-key.",
    "rpm-local": "The installer brings a repository with NVIDIA's packages.",
    tar: "Instead of copying, its folder lib (in a .tgz lib64) can be named in LD_LIBRARY_PATH.",
    zip: "In PowerShell. Then copy bin, include and lib into CUDA's folder.",
    file: "Kept only if it has the sha256 that is listed below.",
    conda: data.closed
      ? "No other channel is asked: this one has everything that is needed."
      : "CUDA and zlib come from conda-forge, or from what your configuration calls so: it has to be within reach.",
    pip: "Only this index is asked, whatever else is configured for you.",
  };
  notes.mamba = notes.conda;
  notes.uv = notes.pip;
  const holds = { dnf: "dnf versionlock add", yum: "yum versionlock add", zypper: "zypper addlock" };
  function several(offer) {
    if (!offer.several) return "";
    const hold = holds[offer.tool] ?? "apt-mark hold";
    return ` The site has other versions, and an upgrade goes to the newest: keep this one with sudo ${hold} ${offer.several.join(" ")}.`;
  }

  // The list below is the index of the search: every package is there once.
  function packages() {
    rows ??= [...document.querySelectorAll("#contents details[data-kind] td:first-child a")].map((found) => {
      const row = found.closest("tr");
      const [link, version, platform] = row.cells, anchor = link.querySelector("a"), section = row.closest("details");
      const path = anchor.getAttribute("href"), file = link.querySelector("code")?.textContent;
      const one = {
        path: decodeURIComponent(path.replace(/^\.\//, "")), url: path, name: anchor.textContent, sha256: file,
        version: version.textContent, platform: platform.textContent, kind: section.dataset.kind,
        repository: section.querySelector("summary").firstChild.textContent.replace(/\/$/, ""),
      };
      return one;
    }).concat(Object.entries(data.whole).flatMap(mirrored));
    for (const one of rows) one.text ??= `${one.name} ${one.version} ${one.platform} ${one.repository}`.toLowerCase();
    return rows;
  }
  // of repositories that are mirrored whole: a line for each folder, then its files
  const names = {
    deb: /^(?<name>[^_]+)_(?<version>[^_]+)_(?<platform>[^_]+)\.deb$/,
    rpm: /^(?<name>.+)-(?<version>[^-]+-[^-]+)\.(?<platform>[^.]+)\.rpm$/,
  };
  function mirrored([repository, text]) {
    return text.split("\n").flatMap((line) => {
      const [folder, ...files] = line.split("\t");
      return files.flatMap((file) => {
        const kind = file.split(".").pop(), parts = names[kind]?.exec(file)?.groups;
        const path = [repository, folder, file].filter(Boolean).join("/");
        return parts ? [{ ...parts, version: parts.version.replace(/%3a/i, ":"), kind, repository, path, whole: true }] : [];
      });
    });
  }
  function found(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const hits = packages().filter((one) => words.every((word) => one.text.includes(word)));
    const place = (one) => { const name = one.name.toLowerCase(); return name === words[0] ? 0 : name.startsWith(words[0]) ? 1 : name.includes(words[0]) ? 2 : 3; };
    const ranked = [[], [], [], []];
    for (const one of hits) ranked[place(one)].push(one);
    return ranked.flat();
  }
  function search() {
    const text = at("find").value, hits = found(text), list = at("found");
    list.replaceChildren(...hits.slice(0, ROWS).map((one) => made("li", {},
      made("a", { href: "#" + new URLSearchParams({ find: text, file: one.path }) }, `${one.name} ${one.version}`),
      made("small", {}, [one.platform, one.repository].filter(Boolean).join(", ")))));
    at("hits").textContent = !text.trim() ? "" : hits.length > ROWS
      ? `${ROWS} of ${hits.length.toLocaleString("en")} shown: another word narrows it` : `${hits.length} found`;
  }
  function rowOffers(path) {
    const one = packages().find((row) => row.path === path);
    if (!one) return [];
    const { types, joiner, targets } = data.repositories[`${one.repository} ${one.kind}`];
    const [os, arch] = data.platforms[one.platform] ?? ["any", "any"];
    const version = one.version.split(" "), shown = `${one.name} ${one.version}`.trim();
    const offer = { product: one.name, version: [shown], type: types, repository: one.repository, url: one.url, sha256: one.sha256 };
    // a file's name has no epoch, so apt is given a pattern
    const spec = (tool) => one.whole && one.kind === "deb" ? `${one.name}=*${one.version}` : one.kind === "rpm"
      ? one.name + (tool === "zypper" ? "=" : joiner) + version[0].replace(/^\d+:/, "") : one.name + joiner + version.join("=");
    if (!targets.length) return [{ ...offer, os: [os], arch: [arch], distro: ["any"], specs: [spec()] }];
    return targets.map((place) => ({
      ...offer, os: [place.os], arch: [arch === "any" ? place.arch : arch], distro: [place.distro],
      client: place.client, tool: place.tool, specs: [spec(place.tool)],
    }));
  }

  function choices(offers, index) {
    const [key] = steps[index];
    const before = steps.slice(0, index).map(([name]) => name);
    const left = offers.filter((offer) => before.every((name) => offer[name].includes(chosen[name])));
    return [...new Set(left.flatMap((offer) => offer[key]))];
  }
  function option(key, value, text = data.names[value] ?? value) {
    const input = made("input", { type: "radio", name: key, value, checked: chosen[key] === value });
    input.addEventListener("change", () => {
      const next = { ...chosen, [key]: value, find: at("find").value };
      if (key === "version") delete next.file;
      go(next);
    });
    return made("label", {}, input, made("span", {}, text));
  }
  function versions() {
    const products = new Map();
    for (const offer of data.offers) {
      const there = products.get(offer.product) ?? new Set();
      offer.version.forEach((one) => there.add(one));
      products.set(offer.product, there);
    }
    return [...products].map(([product, there]) => {
      const all = [...there], list = made("div", { className: "options" });
      const few = open.has(product) ? all : all.filter((one, place) => place < SHOWN || one === chosen.version);
      list.append(...few.map((one) => option("version", one, one.slice(product.length + 1))));
      if (few.length < all.length) {
        const more = made("button", { type: "button" }, `${all.length - few.length} older`);
        more.addEventListener("click", () => { open.add(product); draw(); });
        list.append(more);
      }
      return made("fieldset", {}, made("legend", {}, product), list);
    });
  }

  function draw() {
    drawn = location.hash;
    const params = wanted(), active = document.activeElement?.name, form = at("steps");
    if (location.hash.includes("=")) kept = location.hash.slice(1);
    chosen = Object.fromEntries(params);
    const offers = chosen.file ? rowOffers(chosen.file) : data.offers;
    if (chosen.file && offers.length) chosen.version = offers[0].version[0];
    const lost = (chosen.file || chosen.version) && !offers.some((one) => one.version.includes(chosen.version));
    at("lost").textContent = lost ? `This site does not hold ${chosen.version ?? chosen.file}.` : "";
    chosen.fetch = fetchers[chosen.fetch] ? chosen.fetch : "curl";
    if (at("find").value !== (chosen.find ?? "")) { at("find").value = chosen.find ?? ""; search(); }
    const fields = versions();
    let going = true;
    steps.forEach(([key, title], index) => {
      if (!going) { delete chosen[key]; return; }
      const there = choices(offers, index);
      if (!there.includes(chosen[key])) delete chosen[key];
      if (there.length === 1) chosen[key] = there[0];
      if (index && !(there.length === 1 && there[0] === "any")) {
        const list = made("div", { className: "options" }, ...there.map((value) => option(key, value)));
        fields.push(made("fieldset", { className: "step" }, made("legend", {}, title), list));
      }
      going = key in chosen;
    });
    form.replaceChildren(...fields);
    if (active) form.querySelector(`input[name="${active}"]:checked`)?.focus();
    show(going && offers.find((offer) => steps.every(([key]) => offer[key].includes(chosen[key]))));
  }
  function show(offer) {
    at("result").hidden = !offer;
    if (!offer) return;
    const usable = Object.keys(fetchers).filter((one) =>
      !(one === "apt" && chosen.type !== "deb" && chosen.type !== "deb-local") && !(one === "wget" && base.startsWith("file:")));
    if (!usable.includes(chosen.fetch)) chosen.fetch = usable[0];
    fetches = 0;
    at("commands").textContent = lines(offer).join("\n");
    at("what").textContent = `${data.names[chosen.type] ?? chosen.type}, ${chosen.version}`;
    at("note").textContent = (offer.client && !offer.tool ? "" : notes[chosen.type] ?? "") + several(offer);
    at("fetch").hidden = !fetches;
    at("fetch").replaceChildren(made("legend", {}, "Fetch with"),
      made("div", { className: "options" }, ...usable.map((one) => option("fetch", one, one === "apt" ? "apt-helper" : one))));
    files(offer);
    at("copy").textContent = "Copy";
  }
  function files(offer) {
    const client = data.clients[offer.client] ?? {};
    const sources = here ? Object.keys(client.sources ?? {}) : [];
    const paths = [...(client.package ?? []).slice(0, 1), ...Object.keys(client.keys ?? {}), ...sources, ...(client.more ?? [])];
    const links = paths.map((path) => made("li", {}, made("a", { href: encodeURI(offer.client + path) }, path)));
    at("files").hidden = !links.length;
    at("links").replaceChildren(...links);
  }

  at("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(at("commands").textContent);
      at("copy").textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(at("commands"));
      at("copy").textContent = document.execCommand("copy") ? "Copied" : "Select and copy";
    }
  });
  at("find").addEventListener("input", () => { search(); go({ ...Object.fromEntries(wanted()), find: at("find").value }, true); });
  at("finder").addEventListener("submit", (event) => { event.preventDefault(); at("found").querySelector("a")?.click(); });
  addEventListener("hashchange", () => { if (location.hash !== drawn) draw(); });
  at("count").textContent = `Find any of ${data.count.toLocaleString("en")} packages`;
  at("finder").hidden = data.count === 0;
  at("picker").hidden = data.count === 0 && data.offers.length === 0;
  draw();
})();
