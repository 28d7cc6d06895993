// Texts of customers: shown, and not obeyed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, overflows, sites, visit } from "./harness.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

for (const [store, site] of Object.entries(sites)) {
  test(`hostile texts in ${store}`, async (t) => {
    const page = await open(browser, site, { who: "hostile", height: 200 });
    for (const [name, address] of Object.entries(site.pages)) {
      await t.test(name, async () => {
        const answer = await visit(page, address);
        assert.ok(answer.status() < 500, `status ${answer.status()}`);
        assert.deepEqual(await page.evaluate(() => ({
          obeyed: globalThis.obeyed,
          injected: document.querySelectorAll("body script, body img, [onerror], [href^='javascript:' i]").length,
          turned: /[\u0000\u202e\u2066]/.test(document.body.innerText + document.title),
        })), { obeyed: undefined, injected: 0, turned: false });
        assert.deepEqual(await overflows(page, [320]), [0], "too wide");
        const shown = await page.evaluate(() => document.querySelector("main").innerText +
          [...document.querySelectorAll("main :is(input:not([type=hidden]), textarea, select)")].map((e) => e.value).join());
        assert.equal(shown.includes("globalThis.obeyed=1"), answer.status() !== 404, "the page shows the text, unless there is none");
        assert.deepEqual(page.faults, []);
      });
    }
    await page.context().close();
  });
}
