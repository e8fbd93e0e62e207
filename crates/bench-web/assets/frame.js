// What the bench's pages do better with a script; each works without it.
(() => {
  // Copier: the clipboard where the browser gives it, else the value selected, ready for Ctrl-C.
  const say = (button, text) => {
    const word = button.querySelector(".word");
    const before = word.dataset.text ?? (word.dataset.text = word.textContent);
    word.textContent = text;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { word.textContent = before; }, 2000);
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    if (!source) continue;
    button.hidden = false;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      const text = source.value ?? source.textContent;
      try {
        await navigator.clipboard.writeText(text);
        say(button, button.dataset.done);
      } catch {
        const range = document.createRange();
        range.selectNodeContents(source);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        say(button, document.execCommand("copy") ? button.dataset.done : button.dataset.selected);
      }
    });
  }
  // A file dropped on its zone is taken; a certificate is read at once, by the zone's own button.
  for (const zone of document.querySelectorAll("[data-drop]")) {
    const input = zone.querySelector("input[type=file]");
    const button = zone.querySelector("button");
    const read = () => { if (button && input.files.length) button.click(); };
    input.addEventListener("change", read);
    zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      input.files = event.dataTransfer.files;
      read();
    });
  }
  // The product switch closes on Escape and when one goes elsewhere.
  for (const box of document.querySelectorAll("details.switch")) {
    const close = () => { box.open = false; };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { close(); box.querySelector("summary").focus(); }
    });
    document.addEventListener("click", (event) => { if (!box.contains(event.target)) close(); });
  }
})();
