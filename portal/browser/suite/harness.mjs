// Starts the browser, and opens pages of the sites that the Go test serves. SITES is JSON: see type site in browser_test.go.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const sites = JSON.parse(process.env.SITES);

// The browser compiles no code for speed: the code of a page runs once.
const flags = ["--no-sandbox", "--disable-gpu", "--js-flags=--no-opt --no-maglev"];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: flags });

// open returns a page of a context of its own. A low window costs less to paint. Faults collects what the browser complains about: errors of scripts, dialogs, and
// violations of the content security policy.
export async function open(browser, site, { who = "developer", language = "en", theme = "", javaScript = true, cookie = {}, height = 800 } = {}) {
  const context = await browser.newContext({
    baseURL: site.url, locale: language, viewport: { width: 1280, height }, javaScriptEnabled: javaScript,
    colorScheme: theme === "dark" ? "dark" : "light", ignoreHTTPSErrors: true, permissions: ["clipboard-read", "clipboard-write"],
  });
  await context.addCookies([{ name: "who", value: who, url: site.url, ...cookie }]);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("dialog", (dialog) => { page.faults.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource: the server responded/.test(message.text())) page.faults.push(message.text());
  });
  return page;
}

// visit opens the page of an address of the site, and returns the answer.
export async function visit(page, { path, fill = {}, press }) {
  page.faults.length = 0;
  const answer = await page.goto(path);
  if (!press) return answer;
  for (const [field, value] of Object.entries(fill)) await page.$eval(field, (e, v) => { e.value = v; }, value);
  const [next] = await Promise.all([page.waitForNavigation(), page.locator(press).last().click()]);
  return next;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// violations returns what axe finds on the page, a line each. The browser gets the source of axe without page.evaluate, which takes five
// times as long for a text of this length.
export async function violations(page) {
  page.devtools ??= await page.context().newCDPSession(page);
  await page.devtools.send("Runtime.evaluate", { expression: `${axe};0` });
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"], preload: false });
    return violations.flatMap((v) => v.nodes.map((n) =>
      `${v.id}: ${n.target.join(" ")}: ${n.failureSummary.split("\n").slice(1).join(" ").trim()}`));
  });
}

// overflows returns how many pixels the page is wider than a window of each width. It restores the width.
export async function overflows(page, widths) {
  const before = page.viewportSize(), pixels = [];
  for (const width of widths) {
    await page.setViewportSize({ ...before, width });
    pixels.push(await page.evaluate(() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth));
  }
  await page.setViewportSize(before);
  return pixels;
}

// Dates with a narrow and with a wide text.
const dates = ["2026-05-01T01:11:11", "2026-09-30T22:58:58"];

// shift opens a page, and returns the shifts of its layout that the scripts cause, each with the elements that moved. The scripts arrive
// when the browser has painted the whole page: the columns of a table may move while its rows arrive. The scripts show one date in the
// place of every time, and then the other one.
export async function shift(page, path) {
  page.dated ??= await page.addInitScript((first) => {
    window.shown = first;
    window.frames = (left) => new Promise((resolve) => { requestAnimationFrame(() => resolve(left && window.frames(left - 1))); });
    const { get } = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format");
    Object.defineProperty(Intl.DateTimeFormat.prototype, "format", { get() { return () => get.call(this)(new Date(window.shown)); } });
  }, dates[0]) ?? true;
  let painted;
  const paint = new Promise((resolve) => { painted = resolve; });
  await page.route(/\.js$/, async (route) => { await paint; await route.continue(); });
  await page.goto(path, { waitUntil: "commit" });
  await page.waitForFunction(() => document.readyState === "interactive"); // the browser has read the page, and waits for the scripts
  await page.evaluate(async () => {
    await window.frames(5);
    window.moved = [];
    const note = (e) => { window.moved.push(`${e.value}: ${e.sources.map((s) => s.node?.parentElement?.outerHTML.slice(0, 200)).join(", ")}`); };
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type: "layout-shift" });
  });
  painted();
  await page.waitForLoadState("load");
  const shifts = await page.evaluate(async (second) => {
    await window.frames(5);
    window.shown = second;
    document.dispatchEvent(new Event("htmx:after:swap"));
    await window.frames(5);
    return window.moved;
  }, dates[1]);
  await page.unroute(/\.js$/);
  return shifts;
}

// tabTo presses Tab until the element has the focus, as a user without a mouse does. It presses Tab as often as the order of the
// elements lets expect, and goes on step by step if the focus is elsewhere.
export async function tabTo(page, locator, most = 150) {
  const element = await locator.elementHandle();
  const expected = await element.evaluate(stepsTo);
  await Promise.all(Array.from({ length: Math.min(expected, most) }, () => page.keyboard.press("Tab")));
  for (let i = expected; i < most; i++) {
    if (await element.evaluate((e) => e === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${await element.evaluate((e) => e.outerHTML)} in ${most} steps`);
}

// stepsTo runs in the page. It returns the number of elements that Tab passes until the element has the focus; 0: unknown.
function stepsTo(element) {
  const group = (e) => e.type === "radio" ? document.querySelector(`input[name="${e.name}"]:checked`) ?? e : e;
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility() && group(e) === e);
  const from = all.indexOf(document.activeElement), to = all.indexOf(element);
  return to > from ? to - from : 0;
}
