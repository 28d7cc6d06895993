// Every page, in each language and in each theme: accessible, without violations of its policy, and no wider than a small window.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflow, site, violations } from "./harness.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

// Contrast depends on the theme alone, and names of elements on the language alone: two runs see each of both.
const looks = [{ language: "en", theme: "light" }, { language: "de", theme: "dark" }];
const windows = [{ width: 320 }, { width: 640, scale: 2 }];

for (const look of looks) {
  test(`axe: ${look.language}, ${look.theme}`, (t) => visit(t, look, async (page) => {
    assert.equal(await page.getAttribute("html", "lang"), look.language);
    assert.deepEqual(await violations(page), []);
  }));
}

for (const window of windows) {
  test(`no horizontal scroll bar: ${window.width} pixels`, (t) => visit(t, window, async (page) => {
    assert.equal(await overflow(page), 0);
  }));
}

// visit opens all pages one after the other in a tab for each user, and checks each.
async function visit(t, how, check) {
  const tabs = {};
  for (const [name, { path, who = "developer", status = 200 }] of Object.entries(site.pages)) {
    await t.test(name, async () => {
      tabs[who] ??= await open(browser, { who, ...how });
      const page = tabs[who];
      page.faults.length = 0;
      const answer = await page.goto(path);
      assert.equal(answer.status(), status);
      await check(page);
      assert.deepEqual(page.faults, []);
    });
  }
  await Promise.all(Object.values(tabs).map((page) => page.context().close()));
}
