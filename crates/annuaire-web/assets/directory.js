// The directory: results while typing, arrows between hits, copying. Everything works without this script; nothing here
// writes HTML from data: fragments come rendered from the server.
(() => {
  const root = document.querySelector(".directory");
  if (!root) return;
  root.dataset.live = "";

  // Copier: the clipboard where the browser gives it, else the address selected, ready for Ctrl-C.
  root.addEventListener("click", async (event) => {
    const pick = event.target.closest("[data-pick]");
    if (pick) {
      const detail = { address: pick.dataset.pick, name: pick.dataset.name };
      root.dispatchEvent(new CustomEvent("directory:pick", { bubbles: true, detail }));
      return;
    }
    const button = event.target.closest("[data-address]");
    if (!button) return;
    const word = button.querySelector(".word");
    const before = word.dataset.text ?? (word.dataset.text = word.textContent);
    try {
      await navigator.clipboard.writeText(button.dataset.address);
      word.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector(".address"));
      word.textContent = button.dataset.selected;
    }
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { word.textContent = before; }, 2000);
  });

  const form = root.querySelector("form");
  if (!form) {
    // On a card, Escape goes back to the hits.
    document.addEventListener("keydown", (event) => {
      const back = root.querySelector(".directory-back");
      if (event.key === "Escape" && back) back.click();
    });
    return;
  }
  const box = form.elements.q;
  const results = document.getElementById("directory-results");
  const narrow = matchMedia("(max-width: 47.99rem)");
  // What is set shows above the hits: open fields would push them off a small screen.
  if (narrow.matches) form.querySelector(".directory-fields").open = false;
  const fold = () => {
    const facets = results.querySelector(".facets-fold");
    if (facets && narrow.matches) facets.open = false;
  };
  fold();

  // === While typing ===
  const asked = () => {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim() !== "") fields.append(name, value);
    return fields.toString();
  };
  let last = asked();
  let waiting;
  let under = null;
  const ask = async () => {
    const query = asked();
    if (query === last) return;
    last = query;
    under?.abort();
    const mine = new AbortController();
    under = mine;
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${root.dataset.hits}?${query}`, { signal: mine.signal, headers: { Accept: "text/html" } });
      const text = await answer.text();
      if (mine !== under) return;
      const page = new DOMParser().parseFromString(text, "text/html");
      const part = page.getElementById("directory-fragment");
      if (!part) throw new Error("no fragment");
      results.replaceChildren(...part.childNodes);
      fold();
      history.replaceState(null, "", query ? `${form.getAttribute("action")}?${query}` : form.getAttribute("action"));
    } catch (error) {
      if (error.name === "AbortError") return;
      // What is shown would answer another question: an outage is never an empty result, nor an old one.
      const alert = document.createElement("p");
      alert.className = "directory-alert bad";
      alert.setAttribute("role", "alert");
      alert.textContent = root.dataset.offline;
      results.replaceChildren(alert);
      last = null;
    } finally {
      if (mine === under) results.removeAttribute("aria-busy");
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, 70);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    ask();
  });

  // === Keyboard: arrows between the hits, Enter follows the link, Escape comes back ===
  const links = () => [...results.querySelectorAll(".hit-name")];
  root.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = links();
    const here = all.indexOf(document.activeElement);
    const inBox = document.activeElement === box;
    if (event.key === "ArrowDown" && all.length && (inBox || here >= 0)) {
      event.preventDefault();
      all[Math.min(here + 1, all.length - 1)].focus();
    } else if (event.key === "ArrowUp" && here >= 0) {
      event.preventDefault();
      (here === 0 ? box : all[here - 1]).focus();
    } else if (event.key === "Home" && here >= 0) {
      event.preventDefault();
      all[0].focus();
    } else if (event.key === "End" && here >= 0) {
      event.preventDefault();
      all.at(-1).focus();
    } else if (event.key === "Escape") {
      if (inBox && box.value) {
        box.value = "";
        form.dispatchEvent(new Event("input"));
      } else if (!inBox) {
        box.focus();
        box.select();
      }
      event.preventDefault();
    } else if (event.key === "Enter" && inBox && all.length && asked() === last) {
      // The first hit, once it is the answer to what is typed.
      event.preventDefault();
      all[0].focus();
    }
  });
})();
