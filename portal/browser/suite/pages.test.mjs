// Every page, in each language and in each theme: accessible, without violations of its policy, and no wider than a small window.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflows, shift, sites, violations, visit } from "./harness.mjs";

const site = sites.memory;
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

// Contrast depends on the theme alone, and names of elements on the language alone: two runs see each of both.
const looks = [{ language: "en", theme: "light" }, { language: "de", theme: "dark" }];

// The width of a window of 1,280 pixels with a zoom of 200 %, and that of a phone.
const widths = [640, 320];

for (const look of looks) {
  test(`${look.language}, ${look.theme}`, async (t) => {
    const tabs = {};
    for (const [name, { who = "developer", status = 200, ...address }] of Object.entries(site.pages)) {
      await t.test(name, async () => {
        const page = tabs[who] ??= await open(browser, site, { who, height: 200, ...look });
        const answer = await visit(page, address);
        assert.equal(answer.status(), status);
        assert.equal(await page.getAttribute("html", "lang"), look.language);
        assert.deepEqual(await violations(page), []);
        assert.deepEqual(await overflows(page, widths), [0, 0], `pixels that are too many in windows of ${widths}`);
        assert.deepEqual(page.faults, []);
      });
    }
    await Promise.all(Object.values(tabs).map((page) => page.context().close()));
  });
}

// A page of each template that shows times, which a script writes anew.
const timed = [
  "endpoints", "endpoint healthy", "endpoint failing", "endpoint by day", "secrets", "deliveries", "delivery succeeded", "delivery expunged",
  "events", "event", "event expunged", "replay stopped", "catalog edit", "category edit", "overview", "unhealthy", "storage", "recoveries",
];

test("the scripts of a page move nothing", async (t) => {
  const tabs = {};
  for (const name of timed) {
    await t.test(name, async () => {
      const { path, who = "developer" } = site.pages[name];
      const page = tabs[who] ??= await open(browser, site, { who });
      assert.deepEqual(await shift(page, path), []);
      assert.notEqual(await page.locator("time[data-kind=absolute]").count(), 0);
    });
  }
  await Promise.all(Object.values(tabs).map((page) => page.context().close()));
});
