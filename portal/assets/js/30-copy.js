// Adds a button to each text with the attribute data-copy, the name of the button. Without this script the text can be selected.
(() => {
  const add = () => {
    for (const text of document.querySelectorAll("pre[data-copy]")) {
      if (!navigator.clipboard || text.dataset.ready) continue;
      text.dataset.ready = "true";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet copy";
      button.textContent = text.dataset.copy;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = text.dataset.copied;
        setTimeout(() => { button.textContent = text.dataset.copy; }, 2000);
      });
      text.before(button);
    }
  };
  add();
  document.addEventListener("htmx:after:swap", add);
})();
