// Starts the browser, and opens pages of the site that the Go test serves. SITE is JSON: see type site in browser_test.go.
import axe from "axe-core";
import { chromium } from "playwright-core";

export const site = JSON.parse(process.env.SITE);

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });

// open returns a page of a context of its own. Faults collects what the browser complains about: errors of scripts, and
// violations of the content security policy.
export async function open(browser, { path = "/", who = "developer", language = "en", theme = "", width = 1280, scale = 1, javaScript = true } = {}) {
  const context = await browser.newContext({
    baseURL: site.url, locale: language, viewport: { width, height: 800 }, deviceScaleFactor: scale, javaScriptEnabled: javaScript,
    colorScheme: theme === "dark" ? "dark" : "light",
  });
  await context.addCookies([{ name: "who", value: who, url: site.url }]);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource: the server responded/.test(message.text())) page.faults.push(message.text());
  });
  page.answer = await page.goto(path);
  return page;
}

// violations returns what axe finds on the page, a line each.
export async function violations(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary.split("\n").slice(1).join(" ").trim()}`));
}

// overflow returns how many pixels the page is wider than the window.
export const overflow = (page) => page.evaluate(() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth);

// tabTo presses Tab until the element has the focus, as a user without a mouse does.
export async function tabTo(page, locator, most = 60) {
  const element = await locator.elementHandle();
  for (let i = 0; i < most; i++) {
    if (await element.evaluate((e) => e === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${await element.evaluate((e) => e.outerHTML)} in ${most} steps`);
}
