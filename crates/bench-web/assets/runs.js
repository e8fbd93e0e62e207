// The pages of jobs and runs: tree, prerequisites, what goes on, and the log. Each works without this script; nothing
// here writes HTML from data: lines become text nodes.
(() => {
  const lang = document.documentElement.lang;
  const make = (tag, kind, text) => {
    const node = document.createElement(tag);
    if (kind) node.className = kind;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const later = (wait, act) => {
    let timer;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(act, wait);
    };
  };
  const page = async (address) => {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  // Dates in the reader's own time zone; the server's are UTC.
  const day = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium" });
  const hour = new Intl.DateTimeFormat(lang, { timeStyle: "medium" });
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = time.textContent;
      time.textContent = (time.dataset.time === undefined ? day : hour).format(at);
    }
  };
  localise(document);

  // What the frame's script does for copy buttons of the first page, for those that come later.
  const copyable = (root) => {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) {
      const source = document.getElementById(button.dataset.copy);
      if (!source) continue;
      button.hidden = false;
      button.addEventListener("click", async () => {
        const word = button.querySelector(".word");
        try {
          await navigator.clipboard.writeText(source.textContent);
          word.textContent = button.dataset.done;
        } catch {
          getSelection().selectAllChildren(source);
          word.textContent = button.dataset.selected;
        }
      });
    }
  };

  // === The tree of jobs ===
  for (const bar of document.querySelectorAll(".treebuttons")) {
    bar.hidden = false;
    bar.addEventListener("click", (event) => {
      const wanted = event.target.dataset.tree;
      if (!wanted) return;
      for (const branch of document.querySelectorAll("details.branch")) {
        branch.open = wanted === "open" || (branch.classList.contains("depth-0") && branch.querySelector("details"));
      }
    });
  }

  // === Prerequisites: looked at once the page is there ===
  const preflight = document.getElementById("preflight");
  const check = async (section, address) => {
    section.setAttribute("aria-busy", "true");
    try {
      const found = (await page(address)).getElementById("preflight");
      if (!found) return;
      section.replaceChildren(...found.childNodes);
      section.removeAttribute("data-check");
      copyable(section);
    } finally {
      section.removeAttribute("aria-busy");
    }
  };
  if (preflight) {
    if (preflight.dataset.check) check(preflight, preflight.dataset.check);
    preflight.addEventListener("click", (event) => {
      const link = event.target.closest("a.check-again");
      if (!link) return;
      event.preventDefault();
      check(preflight, link.href);
    });
  }

  // === Two boxes to compare ===
  const compare = document.querySelector("[data-compare]");
  if (compare) {
    const boxes = [...document.querySelectorAll("input[name=run]")];
    const count = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      compare.disabled = ticked !== 2;
      for (const box of boxes) box.disabled = ticked === 2 && !box.checked;
    };
    for (const box of boxes) box.addEventListener("change", count);
    count();
  }

  // === The log ===
  const ROW = 22;
  const CHUNK = 500;
  const KEPT = 60;
  const TALLEST = 1_400_000; // lines that one scrolled element can hold in every browser
  const box = document.getElementById("linebox");
  const log = box && (() => {
    const list = document.getElementById("lines");
    const form = document.getElementById("logbar");
    const pager = document.getElementById("log-pager");
    const counter = document.getElementById("log-count");
    const wrapBox = document.getElementById("log-wrap");
    const foldBox = document.getElementById("log-fold");
    const folds = new Set(new URLSearchParams(location.search).get("fold")?.split(",").filter(Boolean) ?? []);
    folds.delete("all");
    const chunks = new Map();
    const asked = new Map(); // stretches on their way, each with what stops it
    let version = 0;
    let matched = Number(box.dataset.matched);
    let total = matched;
    let target = 0;
    let pageFrom = Number(box.dataset.from);

    const query = () => {
      const fields = new URLSearchParams();
      for (const [name, value] of new FormData(form)) {
        if (value !== "" && name !== "wrap" && name !== "fold") fields.set(name, value);
      }
      const fold = [...(foldBox.checked ? ["all"] : []), ...folds].join(",");
      if (fold) fields.set("fold", fold);
      return fields;
    };
    const filtered = () => query().size > 0;

    const row = (line) => {
      const item = make("li", line.class + (line.head ? " session-head" : "") + (line.n === target ? " target" : ""));
      item.id = `L${line.n}`;
      const number = make("a", "n", line.n);
      number.href = `#L${line.n}`;
      const fold = line.head ? make("a", "f", line.hidden ? "▸" : "▾") : make("span", "f");
      if (line.head) {
        fold.href = "#log";
        fold.dataset.session = line.session;
        fold.setAttribute("aria-label", `${line.hidden ? box.dataset.unfold : box.dataset.foldword} ${line.session}`);
      }
      const text = make("span", "text", line.text);
      if (line.hidden) text.append(" ", make("span", "hidden-lines", `+${line.hidden}`));
      item.append(number, make("span", "time", line.time),
        make("span", "node", line.session === null ? line.node : `${line.node} ${line.session}`), fold, text);
      return item;
    };

    const keep = (index, lines) => {
      chunks.delete(index);
      chunks.set(index, lines);
      if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value);
    };
    const load = async (index) => {
      if (asked.has(index)) return;
      const stop = new AbortController();
      asked.set(index, stop);
      const now = version;
      const fields = query();
      fields.set("from", index * CHUNK + 1);
      fields.set("count", CHUNK);
      try {
        const answer = await fetch(`${box.dataset.lines}?${fields}`, { signal: stop.signal });
        if (now !== version || !answer.ok) return;
        const found = await answer.json();
        if (now !== version) return;
        keep(index, found.lines);
        matched = found.matched;
        total = found.total;
        render();
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      } finally {
        if (asked.get(index) === stop) asked.delete(index);
      }
    };
    const forget = () => {
      for (const stop of asked.values()) stop.abort();
      asked.clear();
    };
    const lineAt = (place) => chunks.get(Math.floor(place / CHUNK))?.[place % CHUNK];

    const count = (from, to) => {
      const words = matched === total ? counter.dataset.one : counter.dataset.some;
      const values = { from: Math.min(from, matched), to: Math.min(to, matched), matched, total };
      counter.textContent = words.replace(/%(\w+)%/g, (_, name) => values[name].toLocaleString(lang));
    };
    const fill = (first, last) => {
      const items = [];
      const missing = new Set();
      for (let place = first; place < last; place += 1) {
        const line = lineAt(place);
        if (line) items.push(row(line));
        else {
          missing.add(Math.floor(place / CHUNK));
          items.push(make("li", "loading", "…"));
        }
      }
      const focused = list.contains(document.activeElement)
        ? { id: document.activeElement.closest("li")?.id, kind: document.activeElement.className } : null;
      list.replaceChildren(...items);
      if (focused?.id) document.getElementById(focused.id)?.querySelector(`.${focused.kind}`)?.focus({ preventScroll: true });
      // Who scrolls fast wants where he stops, not all that he passed.
      for (const [index, stop] of asked) {
        if (missing.has(index)) continue;
        asked.delete(index);
        stop.abort();
      }
      for (const index of missing) load(index);
    };
    const render = () => {
      if (wrapBox.checked) {
        box.classList.add("wrapped");
        box.classList.remove("virtual");
        list.style.paddingTop = list.style.paddingBottom = "";
        pageFrom = Math.min(Math.max(1, pageFrom), Math.max(1, matched));
        const last = Math.min(matched, pageFrom - 1 + CHUNK);
        fill(pageFrom - 1, last);
        count(pageFrom, last);
        turnPages(last);
        return;
      }
      box.classList.remove("wrapped");
      box.classList.add("virtual");
      pager.hidden = true;
      const shown = Math.min(matched, TALLEST);
      const visible = Math.ceil(box.clientHeight / ROW);
      const top = Math.floor(box.scrollTop / ROW);
      const first = Math.max(0, Math.min(top - 30, shown - visible));
      const last = Math.min(shown, top + visible + 30);
      list.style.paddingTop = `${first * ROW}px`;
      list.style.paddingBottom = `${Math.max(0, shown - last) * ROW}px`;
      fill(first, last);
      count(top + 1, Math.min(shown, top + visible));
    };
    const turnPages = (last) => {
      pager.hidden = matched <= CHUNK;
      const turn = (word, from, can) => {
        const button = make("button", "second", word);
        button.type = "button";
        button.disabled = !can;
        button.addEventListener("click", () => {
          pageFrom = from;
          box.scrollTop = 0;
          render();
        });
        return button;
      };
      pager.replaceChildren(turn(pager.dataset.before, pageFrom - CHUNK, pageFrom > 1), turn(pager.dataset.after, last + 1, last < matched));
    };

    const again = () => {
      version += 1;
      chunks.clear();
      forget();
      return load(wrapBox.checked ? Math.floor((pageFrom - 1) / CHUNK) : Math.floor(Math.max(0, box.scrollTop) / ROW / CHUNK));
    };
    const changed = () => {
      const fields = query();
      clear.hidden = fields.size === 0;
      if (wrapBox.checked) fields.set("wrap", "1");
      history.replaceState(null, "", `${location.pathname}${fields.size ? `?${fields}` : ""}`);
      pageFrom = 1;
      box.scrollTop = 0;
      again();
    };
    const toLine = async (number) => {
      target = number;
      if (filtered()) {
        form.querySelectorAll("input, select").forEach((field) => {
          if (field.type === "checkbox") field.checked = field.id === "log-wrap" && field.checked;
          else field.value = "";
        });
        folds.clear();
        version += 1;
        chunks.clear();
        forget();
        await load(Math.floor((number - 1) / CHUNK));
      }
      pageFrom = Math.max(1, number - 20);
      box.scrollTop = Math.max(0, (number - 1) * ROW - box.clientHeight / 3);
      render();
      if (wrapBox.checked) document.getElementById(`L${number}`)?.scrollIntoView({ block: "center" });
    };
    const fromHash = () => {
      const found = /^#L(\d+)$/.exec(location.hash);
      if (!found) return false;
      toLine(Number(found[1]));
      return true;
    };

    // Filters act by themselves; the button is for pages without a script.
    const clear = document.getElementById("log-clear");
    form.querySelector("button").hidden = true;
    clear.addEventListener("click", (event) => {
      event.preventDefault();
      form.querySelectorAll("input, select").forEach((field) => {
        if (field.id === "log-wrap") return;
        if (field.type === "checkbox") field.checked = false;
        else field.value = "";
      });
      folds.clear();
      changed();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      changed();
    });
    form.addEventListener("input", later(150, changed));
    let drawn = 0;
    box.addEventListener("scroll", () => {
      if (wrapBox.checked || drawn) return;
      drawn = requestAnimationFrame(() => {
        drawn = 0;
        render();
      });
    });
    new ResizeObserver(() => { if (!wrapBox.checked) render(); }).observe(box);
    list.addEventListener("click", (event) => {
      const fold = event.target.closest("a.f");
      const number = event.target.closest("a.n");
      if (fold) {
        event.preventDefault();
        const mark = foldBox.checked ? `-${fold.dataset.session}` : fold.dataset.session;
        if (!folds.delete(mark)) folds.add(mark);
        const top = box.scrollTop;
        again().then(() => { box.scrollTop = top; });
      } else if (number) {
        event.preventDefault();
        const place = Number(number.textContent);
        target = place;
        history.replaceState(null, "", `${location.pathname}${location.search}#L${place}`);
        render();
      }
    });
    foldBox.addEventListener("change", () => folds.clear());
    window.addEventListener("hashchange", fromHash);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a.to-line[data-line]");
      if (!link || !link.closest("#live")) return;
      event.preventDefault();
      history.replaceState(null, "", `${location.pathname}#L${link.dataset.line}`);
      toLine(Number(link.dataset.line));
      box.focus({ preventScroll: true });
      box.scrollIntoView({ block: "nearest" });
    });

    const start = pageFrom;
    again().then(() => {
      if (!fromHash() && start > 1 && !wrapBox.checked) box.scrollTop = (start - 1) * ROW;
    });

    const refetch = later(400, again);
    return {
      again,
      // A line of the open window. With a filter the server is asked again, which lines it keeps.
      add(line) {
        if (line.n <= total && !filtered()) return;
        if (filtered()) {
          refetch();
          return;
        }
        const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 2 * ROW;
        const index = Math.floor((line.n - 1) / CHUNK);
        const lines = chunks.get(index) ?? [];
        lines[(line.n - 1) % CHUNK] = {
          n: line.n, time: line.at.slice(11, 23), node: line.node, session: line.connection, class: line.class,
          text: line.text, hidden: 0, head: false,
        };
        keep(index, lines);
        matched = total = line.n;
        if (!drawn) {
          drawn = requestAnimationFrame(() => {
            drawn = 0;
            render();
            if (atEnd) box.scrollTop = box.scrollHeight;
          });
        }
      },
    };
  })();

  // === What goes on ===
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  let ends = 0;
  let ticking = 0;
  const tick = () => {
    const clock = live.querySelector(".countdown");
    if (!clock) return;
    const left = Math.max(0, Math.ceil((ends - performance.now()) / 1000));
    clock.querySelector(".count").textContent = left >= 60 ? `${Math.floor(left / 60)} min ${String(left % 60).padStart(2, "0")}` : `${left} s`;
    clock.classList.toggle("short", left <= 15);
    // A screen reader is told three times, not each second.
    if ([60, 30, 10].includes(left)) said.textContent = clock.dataset.say.replace("60", left);
  };
  const count = (left) => {
    ends = performance.now() + left * 1000;
    clearInterval(ticking);
    ticking = setInterval(tick, 1000);
    tick();
  };
  const refresh = async () => {
    const fresh = await page(location.pathname);
    const found = fresh.getElementById("live");
    if (!found) return;
    const focused = live.contains(document.activeElement);
    for (const name of ["phase", "done", "events"]) {
      if (found.dataset[name] === undefined) delete live.dataset[name];
      else live.dataset[name] = found.dataset[name];
    }
    live.replaceChildren(...found.childNodes);
    document.title = fresh.title;
    localise(live);
    copyable(live);
    if (focused) live.querySelector("h2")?.scrollIntoView({ block: "nearest" });
    for (const part of [".log-links", "#log-node", "#log-sessions"]) {
      const [mine, new_] = [document.querySelector(part), fresh.querySelector(part)];
      if (!mine || !new_) continue;
      const chosen = mine.value;
      mine.replaceChildren(...new_.childNodes);
      // A list of choices whose options change would choose one of them by itself.
      if (chosen !== undefined) mine.value = chosen;
    }
    const clock = live.querySelector(".countdown");
    if (clock?.dataset.left) count(Number(clock.dataset.left));
    const words = live.querySelector(".headline, .turn h2") ?? document.getElementById("pill");
    said.textContent = words.textContent.trim();
  };
  if (live) {
    const clock = live.querySelector(".countdown");
    if (clock?.dataset.left) count(Number(clock.dataset.left));
  }
  if (live?.dataset.events) {
    const source = new EventSource(live.dataset.events);
    let first = true;
    source.addEventListener("state", (event) => {
      const state = JSON.parse(event.data);
      const known = first && live.dataset.phase === String(state.phase) && (live.dataset.done ?? "0") === String(state.done);
      first = false;
      if (!known && (live.dataset.phase !== String(state.phase) || (live.dataset.done ?? "0") !== String(state.done))) refresh();
      else if (state.left_s !== null && state.left_s !== undefined) count(state.left_s);
    });
    source.addEventListener("line", (event) => log?.add(JSON.parse(event.data)));
    source.addEventListener("done", async () => {
      source.close();
      clearInterval(ticking);
      await refresh();
      log?.again();
    });
  }
})();
