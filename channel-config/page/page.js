(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  const at = (id) => document.getElementById(id);
  const steps = [
    ["os", "Operating system"], ["arch", "Architecture"], ["distro", "Distribution"],
    ["version", "Version"], ["type", "Installer type"],
  ];
  const chosen = {};
  const fits = (offer, key) => offer[key].includes(chosen[key]);
  const name = (offer) => decodeURIComponent(offer.url.split("/").pop());
  const folder = (offer) => name(offer).replace(/\.(tgz|tar\.xz|zip)$/, "");
  const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

  // fetches a file and keeps it only if it is the one this page means
  const fetched = (offer) => [
    `curl -fsSLO ${quoted(base + offer.url.slice(1))}`,
    `echo ${quoted(`${offer.sha256}  ${name(offer)}`)} | sha256sum -c || rm ${quoted(name(offer))}`,
  ];

  const commands = {
    deb: (offer) => {
      const key = `/usr/share/keyrings/${data.label}.gpg`;  // binary: apt takes text since 1.4 only
      const source = ["Types: deb", `URIs: ${base}/${offer.repository}/`, "Suites: /", `Signed-By: ${key}`];
      return [
        `curl -fsSL ${quoted(base + "/keys/site.gpg")} | sudo tee ${key} > /dev/null`,
        `echo '${data.keyring}  ${key}' | sha256sum -c || sudo rm ${key}`,
        `printf '%s\\n' ${source.map(quoted).join(" ")} | sudo tee /etc/apt/sources.list.d/${data.label}.sources`,
        "sudo apt-get update",
        `sudo apt-get install ${offer.specs.join(" ")}`,
      ];
    },
    rpm: (offer) => {
      const key = `/etc/pki/rpm-gpg/RPM-GPG-KEY-${data.label}`;
      const repo = [
        `[${data.label}]`, `name=${data.label}`, `baseurl=${base}/${offer.repository}/`, "enabled=1",
        "repo_gpgcheck=1", "gpgcheck=0", `gpgkey=file://${key}`,
      ];
      return [
        `curl -fsSL ${quoted(base + "/keys/site.asc")} | sudo tee ${key} > /dev/null`,
        `echo '${data.key}  ${key}' | sha256sum -c || sudo rm ${key}`,
        `printf '%s\\n' ${repo.map(quoted).join(" ")} | sudo tee /etc/yum.repos.d/${data.label}.repo`,
        `sudo ${offer.tool} install ${offer.specs.join(" ")}`,
      ];
    },
    "deb-local": (offer) => [
      ...fetched(offer),
      `sudo dpkg -i ${quoted("./" + name(offer))}`,
      `sudo cp ${quoted("/var/" + name(offer).split("_")[0])}/*-keyring.gpg /usr/share/keyrings/`,
      "sudo apt-get update",
      `sudo apt-get install ${offer.specs.join(" ")}`,
    ],
    "rpm-local": (offer) => [
      ...fetched(offer),
      `sudo rpm -i ${quoted("./" + name(offer))}`,
      `sudo ${offer.tool} install ${offer.specs.join(" ")}`,
    ],
    tar: (offer) => [
      ...fetched(offer),
      `mkdir ${folder(offer)}`,
      `tar -xf ${name(offer)} -C ${folder(offer)} --strip-components=${offer.strip}`,
      `sudo cp -P ${folder(offer)}/include/* /usr/local/cuda/include/`,
      `sudo cp -P ${folder(offer)}/lib*/* /usr/local/cuda/lib64/`,
    ],
    zip: (offer) => [
      `Invoke-WebRequest ${quoted(base + offer.url.slice(1))} -OutFile ${quoted(name(offer))}`,
      `if ((Get-FileHash ${quoted(name(offer))}).Hash -ne '${offer.sha256}') { throw 'not the file that is meant' }`,
      `Expand-Archive ${quoted(name(offer))} .`,
    ],
    conda: (offer) => [`conda install ${data.closed ? "--override-channels " : ""}--channel ${quoted(`${base}/${offer.repository}`)} ${offer.specs.map(quoted).join(" ")}`],
    pip: (offer) => [`python3 -m pip install --index-url ${quoted(base + "/simple/")} ${offer.specs.map(quoted).join(" ")}`],
  };
  const notes = {
    "deb-local": "The installer brings a repository and its key; apt checks the packages with it. Installers of early 2022 and before have no keyring: add their .pub with apt-key.",
    "rpm-local": "The installer brings a repository with NVIDIA's packages.",
    tar: "Instead of copying, its folder lib (in a .tgz lib64) can be named in LD_LIBRARY_PATH.",
    zip: "In PowerShell. Then copy bin, include and lib into CUDA's folder, or use the script of cudepot client windows.",
    deb: "The signed index vouches for every package. To hold these versions, add what cudepot export apt prints.",
    rpm: "The signed index vouches for every package. To hold these versions, add what cudepot export dnf prints.",
    conda: data.closed
      ? "This channel has everything that is needed; no other one is asked."
      : "CUDA and zlib come from your other channels, which have to be within reach.",
    pip: "Only this index is asked. For hashes, use what cudepot export requirements.txt prints.",
  };

  const holds = { dnf: "dnf versionlock add", yum: "yum versionlock add" };
  function several(offer) {
    if (!offer.several) return "";
    const hold = holds[offer.tool] ?? "apt-mark hold";
    return ` The site has other versions, and an upgrade goes to the newest: keep this one with sudo ${hold} ${offer.several.join(" ")}.`;
  }

  function values(index) {
    const key = steps[index][0];
    const before = steps.slice(0, index).map(([name]) => name);
    const open = data.offers.filter((offer) => before.every((name) => fits(offer, name)));
    return [...new Set(open.flatMap((offer) => offer[key]))];
  }

  function option(key, value) {
    const label = document.createElement("label"), input = document.createElement("input");
    const span = document.createElement("span");
    Object.assign(input, { type: "radio", name: key, value, checked: chosen[key] === value });
    input.addEventListener("change", () => { chosen[key] = value; draw(); });
    span.textContent = data.names[value] ?? value;
    label.append(input, span);
    return label;
  }

  function draw() {
    const active = document.activeElement?.name, form = at("steps");
    form.replaceChildren();
    let open = true;
    steps.forEach(([key, title], index) => {
      if (!open) { delete chosen[key]; return; }
      const there = values(index);
      if (!there.includes(chosen[key])) delete chosen[key];
      if (there.length === 1) chosen[key] = there[0];
      const field = document.createElement("fieldset"), legend = document.createElement("legend");
      const list = document.createElement("div");
      legend.textContent = title;
      list.className = "options";
      list.append(...there.map((value) => option(key, value)));
      field.append(legend, list);
      form.append(field);
      open = key in chosen;
    });
    if (active) form.querySelector(`input[name="${active}"]:checked`)?.focus();
    show(open && data.offers.find((offer) => steps.every(([key]) => fits(offer, key))));
  }

  function show(offer) {
    at("result").hidden = !offer;
    if (!offer) return;
    at("what").textContent = `${data.names[offer.type[0]] ?? offer.type[0]}, ${chosen.version}`;
    at("commands").textContent = commands[offer.type[0]](offer).join("\n");
    at("note").textContent = notes[offer.type[0]] + several(offer);
    at("copy").textContent = "Copy";
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
  at("picker").hidden = data.offers.length === 0;
  draw();
})();
