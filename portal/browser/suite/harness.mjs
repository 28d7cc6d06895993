// Starts the browser, and opens pages of the site that the Go test serves. SITE is JSON: see type site in browser_test.go.
import axe from "axe-core";
import { chromium } from "playwright-core";

export const site = JSON.parse(process.env.SITE);

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });

// open returns a page of a context of its own. Faults collects what the browser complains about: errors of scripts, dialogs, and
// violations of the content security policy.
export async function open(browser, { path = "/", who = "developer", language = "en", theme = "", javaScript = true, cookie = {} } = {}) {
  const context = await browser.newContext({
    baseURL: site.url, locale: language, viewport: { width: 1280, height: 800 }, javaScriptEnabled: javaScript,
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
  page.answer = await page.goto(path);
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

// violations returns what axe finds on the page, a line each.
export async function violations(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], preload: false }));
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary.split("\n").slice(1).join(" ").trim()}`));
}

// overflow returns how many pixels the page is wider than a window of the width. It restores the width.
export async function overflow(page, width) {
  const before = page.viewportSize();
  await page.setViewportSize({ ...before, width });
  const pixels = await page.evaluate(() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth);
  await page.setViewportSize(before);
  return pixels;
}

// tabTo presses Tab until the element has the focus, as a user without a mouse does.
export async function tabTo(page, locator, most = 150) {
  const element = await locator.elementHandle();
  for (let i = 0; i < most; i++) {
    if (await element.evaluate((e) => e === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${await element.evaluate((e) => e.outerHTML)} in ${most} steps`);
}
