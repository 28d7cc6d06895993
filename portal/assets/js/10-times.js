// Shows times in the zone of the browser. The server wrote them in UTC, and the tooltip keeps the exact time.
(() => {
  const language = document.documentElement.lang;
  const absolute = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const show = (root) => {
    for (const t of root.querySelectorAll("time[data-kind=absolute]")) {
      t.textContent = absolute.format(new Date(t.dateTime));
    }
  };
  show(document);
  document.addEventListener("htmx:after:swap", () => show(document));
})();
