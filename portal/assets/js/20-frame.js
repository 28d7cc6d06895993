// In an iframe: tells the page around it the height of this page.
(() => {
  if (window.parent === window) return;
  document.documentElement.classList.add("framed");
  const tell = () => window.parent.postMessage({ webhooksPortalHeight: document.body.scrollHeight }, "*");
  new ResizeObserver(tell).observe(document.body);
})();
