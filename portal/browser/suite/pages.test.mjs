// Every page, in each language and in each theme: accessible, without violations of its policy, and no wider than a small window.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflow, site, violations, visit } from "./harness.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

// Contrast depends on the theme alone, and names of elements on the language alone: two runs see each of both.
const looks = [{ language: "en", theme: "light" }, { language: "de", theme: "dark" }];

// The width of a phone, and that of a window of 1,280 pixels with a zoom of 200 %.
const widths = [640, 320];

for (const look of looks) {
  test(`${look.language}, ${look.theme}`, async (t) => {
    const tabs = {};
    for (const [name, { who = "developer", status = 200, ...address }] of Object.entries(site.pages)) {
      await t.test(name, async () => {
        const page = tabs[who] ??= await open(browser, { who, ...look });
        const answer = await visit(page, address);
        assert.equal(answer.status(), status);
        assert.equal(await page.getAttribute("html", "lang"), look.language);
        assert.deepEqual(await violations(page), []);
        for (const width of widths) assert.equal(await overflow(page, width), 0, `too wide for ${width} pixels`);
        assert.deepEqual(page.faults, []);
      });
    }
    await Promise.all(Object.values(tabs).map((page) => page.context().close()));
  });
}
