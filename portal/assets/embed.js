// For a page that shows the portal in an iframe: gives each <iframe data-webhooks-portal> the height of its content, so that it
// needs no scroll bar of its own. Only messages of the iframe's own origin are read, and only as a number.
(() => {
  addEventListener("message", (event) => {
    const height = Number(event.data && event.data.webhooksPortalHeight);
    if (!(height > 0 && height < 100000)) return;
    for (const frame of document.querySelectorAll("iframe[data-webhooks-portal]")) {
      if (frame.contentWindow === event.source && new URL(frame.src).origin === event.origin) frame.height = Math.ceil(height);
    }
  });
})();
