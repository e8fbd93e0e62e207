// The live log of a run: one line per server-sent event; when the verdict is in, the page is read again.
(() => {
  const list = document.getElementById("lines");
  const source = list && list.dataset.events ? new EventSource(list.dataset.events) : null;
  if (!source) return;
  const cell = (kind, text) => {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = text;
    return span;
  };
  source.addEventListener("line", (event) => {
    const line = JSON.parse(event.data);
    const box = list.parentElement;
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 40;
    const item = document.createElement("li");
    item.append(
      cell("n", line.n),
      cell("time", line.at.slice(11, 23)),
      cell("node", line.connection ? `${line.node} ${line.connection}` : line.node),
      cell("text", line.text),
    );
    list.append(item);
    if (atEnd) box.scrollTop = box.scrollHeight;
  });
  source.addEventListener("done", () => {
    source.close();
    window.location.reload();
  });
})();
