// Shows the times below charts in the zone of the browser, and sends a form once: a second press of the button is ignored until the
// answer is there. The server recognizes a form that is sent twice as well.
(() => {
  const language = document.documentElement.lang;
  const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  const show = () => {
    for (const chart of document.querySelectorAll("svg.chart")) {
      const texts = [...chart.querySelectorAll("text[data-time]")];
      const times = texts.map((t) => new Date(t.dataset.time));
      const long = times.length > 1 && times.at(-1) - times[0] > 48 * 3600 * 1000;
      texts.forEach((t, i) => { t.textContent = (long ? day : hour).format(times[i]); });
    }
  };
  show();
  document.addEventListener("htmx:after:swap", show);
  const sent = new WeakSet();
  document.addEventListener("submit", (e) => {
    if (e.target.method !== "post") return;
    if (sent.has(e.target)) e.preventDefault();
    sent.add(e.target);
  });
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
})();
