// The portal in an iframe of another site, and forms of another site.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, sites } from "./harness.mjs";

const site = sites.memory;
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

test("a link signs in within an iframe, which gets the height of its page", async () => {
  const page = await open(browser, site, { who: "nobody" });
  await page.goto(`${site.embedder}/frame`);
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "Open" }).click();
  await frame.getByRole("link", { name: "https://hooks.acme.example/orders" }).click();
  await frame.getByRole("heading", { name: "Events are delivered" }).waitFor();
  const iframe = await (await page.waitForSelector("iframe")).contentFrame();
  await page.waitForFunction(() => document.querySelector("iframe").clientHeight > 1000);
  await iframe.waitForFunction(() => document.documentElement.scrollHeight <= innerHeight);
  await frame.getByRole("button", { name: "Send a test" }).click();
  await frame.getByRole("status").filter({ hasText: "The test is on its way" }).waitFor();
  await frame.getByRole("button", { name: "Sign out" }).click();
  await frame.getByRole("heading", { name: "You are not signed in" }).waitFor();
  assert.deepEqual(page.faults, []);
});

test("a page that is not configured cannot show the portal", async () => {
  const page = await open(browser, site, { who: "nobody" });
  await page.goto(`${site.foreign}/frame`);
  const iframe = await (await page.waitForSelector("iframe")).contentFrame();
  await page.waitForLoadState();
  assert.equal(await iframe.evaluate(() => document.querySelectorAll("form, main").length), 0);
  assert.match(page.faults.join(), /frame-ancestors/);
});

test("a form of another site changes nothing", async () => {
  const page = await open(browser, site, { cookie: { secure: true, sameSite: "None" } });
  await page.goto(`${site.embedder}/attack`);
  const [answer] = await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: "Win" }).click()]);
  assert.equal(answer.request().method(), "POST");
  assert.match((await answer.request().allHeaders()).cookie, /who=developer/, "the browser sends the cookie");
  assert.equal(answer.status(), 403);
  await page.goto(site.healthy);
  await page.getByRole("heading", { name: "Events are delivered" }).waitFor();
});
