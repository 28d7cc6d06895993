// What users do, by keyboard alone. Each flow runs on each kind of store with scripts, and on one without: forms
// send the same requests without scripts.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, sites, tabTo } from "./harness.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

for (const [store, site] of Object.entries(sites)) {
  for (const javaScript of store === "memory" ? [true, false] : [true]) {
    const name = javaScript ? "scripts" : "plain";
    test(`${store}, ${name}`, async (t) => {
      const tabs = {};
      for (const [title, who, path, steps] of flows(site, name, javaScript)) {
        await t.test(title, async () => {
          const page = tabs[who] ??= await open(browser, site, { who, javaScript });
          page.faults.length = 0;
          await page.goto(path());
          await steps(new User(page));
          assert.deepEqual(page.faults, []);
        });
      }
      await Promise.all(Object.values(tabs).map((page) => page.context().close()));
    });
  }
}

// flows returns the flows: title, user, path of the first page, and steps.
function flows(site, name, javaScript) {
  const all = [];
  const flow = (...parts) => all.push(parts);
  let endpoint; // path of the endpoint that the first flow adds

  flow("add an endpoint, with faults first", "developer", () => `${site.org}/endpoints`, async (user) => {
    await user.follow(user.link("Add endpoint"));
    await user.type(user.field("URL"), `ftp://${name}.acme.example`);
    await user.type(user.field("Description"), `Made by ${name}`);
    await user.toggle(user.page.getByRole("checkbox", { name: "order.paid v1" }));
    await user.follow(user.button("Add endpoint"));
    await user.sees("alert", "URL");
    assert.equal(await user.field("URL").getAttribute("aria-invalid"), "true");
    assert.equal(await user.field("Description").inputValue(), `Made by ${name}`);
    assert.ok(await user.page.getByRole("checkbox", { name: "order.paid v1" }).isChecked());
    await user.presses(user.page.getByRole("alert").getByRole("link", { name: "URL" }));
    assert.ok(await user.field("URL").evaluate((e) => e === document.activeElement), "the summary leads to the field");
    await user.type(user.field("URL"), `https://${name}.acme.example/in`);
    await user.follow(user.button("Add endpoint"));
    await user.sees("status", "The endpoint is added");
    endpoint = new URL(user.page.url()).pathname;
  });

  flow("edit an endpoint", "developer", () => endpoint, async (user) => {
    await user.follow(user.link("Edit").first());
    await user.type(user.field("Description"), `Edited by ${name}`);
    await user.follow(user.button("Add a condition"));
    await user.type(user.field("Place in the data"), "/currency");
    await user.type(user.field("Value"), "EUR");
    await user.follow(user.button("Try on the last 20 events"));
    await user.sees("status", "events would be sent");
    await user.follow(user.button("Save"));
    await user.sees("status", "The endpoint is saved");
    await user.reads(`Edited by ${name}`, "/currency eq");
  });

  flow("test, pause, resume and re-enable an endpoint", "developer", () => endpoint, async (user) => {
    await user.follow(user.button("Send a test"));
    await user.sees("status", "The test is on its way");
    await user.follow(user.button("Pause"));
    await user.sees("status", "The endpoint is paused");
    await user.follow(user.button("Resume"));
    await user.sees("status", "gets events again");
    await user.follow(user.button("Pause"));
    await user.follow(user.button("Test and re-enable"));
    await user.sees("status", "The endpoint is enabled");
    await user.reads("Events are delivered");
    await user.opens(site.failing[name]);
    await user.reads("The endpoint fails, and deliveries wait");
    await user.follow(user.button("Test and re-enable"));
    await user.sees("status", "The endpoint is enabled");
  });

  flow("rotate a secret and reveal it", "developer", () => endpoint, async (user) => {
    await user.follow(user.link("Signing secrets"));
    await user.follow(user.link("Rotate"));
    await user.follow(user.button("Rotate"));
    await user.sees("status", "A new secret signs now");
    const reveal = user.page.getByRole("button", { name: /^Reveal the secret/ });
    assert.equal(await reveal.count(), 2, "the replaced secret signs too");
    await user.follow(reveal.first());
    assert.match(await user.page.locator(".secret").first().textContent(), /^whsec_[A-Za-z0-9+/=]{30,}$/);
  });

  flow("find a delivery, copy it as curl, and send it again", "developer", () => `${site.org}/endpoints`, async (user) => {
    await user.follow(user.link("https://mixed.acme.example/events"));
    await user.follow(user.link("All deliveries"));
    await user.choose(user.field("State"), "succeeded");
    await user.follow(user.button("Filter"));
    assert.match(user.page.url(), /state=succeeded/);
    const rows = user.page.locator("tbody tr");
    assert.equal(await rows.count(), await rows.filter({ hasText: "succeeded" }).count());
    await user.follow(rows.first().getByRole("link"));
    const command = await user.page.locator("#program").textContent();
    assert.match(command, /curl --globoff --request POST/);
    if (javaScript) {
      await user.presses(user.page.locator("#code").getByRole("button", { name: "Copy" }));
      await user.page.locator("#code").getByRole("button", { name: "Copied" }).waitFor();
      assert.equal(await user.page.evaluate(() => navigator.clipboard.readText()), command);
    }
    await user.follow(user.button("Send again now"));
    await user.sees("status", "is sent again now");
    await user.reads("Attempt 2");
  });

  flow("replay what was missed, and stop", "developer", () => site.missed[name], async (user) => {
    await user.follow(user.link("Replay"));
    await tabTo(user.page, user.page.getByRole("radio", { name: "Failed deliveries" }));
    await user.page.keyboard.press("ArrowDown");
    await user.type(user.field("From"), "2020-01-01 00:00");
    await user.follow(user.button("Count"));
    await user.sees("status", "30 deliveries will be sent");
    await user.type(user.field("Deliveries in a second"), "fast");
    await user.follow(user.button("Send 30 deliveries"));
    await user.sees("alert", "whole number");
    await user.type(user.field("Deliveries in a second"), "1");
    await user.follow(user.button("Send 30 deliveries"));
    await user.reads("running");
    await user.follow(user.button("Stop"));
    await user.sees("status", "The replay is stopped");
    await user.reads("stopped");
  });

  flow("see why an endpoint did not get an event", "developer", () => `${site.org}/endpoints`, async (user) => {
    await user.follow(user.link("Events"));
    await user.follow(user.page.locator("tbody tr", { hasText: "customer.created" }).first().getByRole("link"));
    await user.reads("The endpoint has not chosen this event type.");
    await user.follow(user.link("Delivery").first());
    await user.reads("Attempt 1");
  });

  flow("send a sample of the catalog", "developer", () => `${site.org}/endpoints`, async (user) => {
    await user.follow(user.link("Event catalog"));
    await user.follow(user.link("order.shipped"));
    await user.choose(user.field("Endpoint"), "https://hooks");
    await user.type(user.field("Payload"), "{");
    await user.follow(user.button("Send"));
    await user.sees("alert", "no JSON");
    await user.type(user.field("Payload"), `{"orderId": "from ${name}"}`);
    await user.follow(user.button("Send"));
    await user.sees("status", "on its way");
    await user.follow(user.link("See what became of it"));
    await user.reads(`"orderId":"from ${name}"`);
  });

  flow("open an organization as an operator", "admin", () => "/operations/overview", async (user) => {
    await user.type(user.field("Open an organization"), "nowhere");
    await user.follow(user.button("Open"));
    await user.sees("alert", "no id of an organization");
    await user.type(user.field("Open an organization"), site.org.split("/").pop());
    await user.follow(user.button("Open"));
    await user.reads("Acting for");
    await user.follow(user.link("All organizations"));
    await user.reads("Largest backlogs");
  });

  flow("pause an unhealthy endpoint as an operator", "admin", () => "/operations/overview", async (user) => {
    await user.follow(user.link("Unhealthy endpoints"));
    await user.follow(user.button(`Probe now ${site.unhealthy[name]}`));
    await user.sees("status", "A test is on its way");
    await user.follow(user.button(`Pause ${site.unhealthy[name]}`));
    await user.sees("status", "The endpoint is paused");
    await user.follow(user.link(site.unhealthy[name]));
    await user.reads("Paused: no events are delivered");
  });

  flow("edit the catalog", "admin", () => "/operations/overview", async (user) => {
    await user.follow(user.link("Catalog"));
    await user.follow(user.link("Add category"));
    await user.type(user.field("Name"), `Parcels of ${name}`);
    await user.type(user.field("Code"), "no code");
    await user.follow(user.button("Save"));
    await user.sees("alert", "Code");
    assert.equal(await user.field("Name").inputValue(), `Parcels of ${name}`);
    await user.type(user.field("Code"), `parcel-${name}`);
    await user.follow(user.button("Save"));
    await user.sees("status", "It was added");
    await user.follow(user.link("Add event type"));
    await user.type(user.field("Name"), "Parcel lost");
    await user.type(user.field("Code"), `parcel.${name}`);
    await user.type(user.field("Version"), "v1");
    await user.follow(user.button("Save"));
    await user.sees("status", "It was added");
    for (const deleted of ["Parcel lost", `Parcels of ${name}`]) {
      await user.follow(user.link("Delete"));
      await user.follow(user.button("Delete for good"));
      await user.sees("status", "It was deleted");
      assert.equal(await user.page.getByText(deleted).count(), 0);
    }
  });
  return all;
}

// User acts on a page by keyboard alone.
class User {
  constructor(page) { this.page = page; }

  link(name) { return this.page.getByRole("link", { name, exact: true }); }
  button(name) { return this.page.getByRole("button", { name, exact: true }); }
  field(name) { return this.page.getByLabel(name, { exact: true }); }

  opens(path) { return this.page.goto(path); }

  // presses moves the focus to a button or link, and presses Enter.
  async presses(locator) {
    await tabTo(this.page, locator);
    await this.page.keyboard.press("Enter");
  }

  // follow presses a button or link that leads to another page.
  async follow(locator) {
    await tabTo(this.page, locator);
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press("Enter")]);
  }

  // type replaces the value of a field.
  async type(locator, text) {
    await tabTo(this.page, locator);
    await this.page.keyboard.press("ControlOrMeta+a");
    await this.page.keyboard.type(text);
  }

  async toggle(locator) {
    await tabTo(this.page, locator);
    await this.page.keyboard.press("Space");
  }

  // choose chooses the option that begins with a text.
  async choose(locator, text) {
    await tabTo(this.page, locator);
    await this.page.keyboard.type(text);
  }

  // sees demands a notice of a role with a text.
  sees(role, text) { return this.page.getByRole(role).filter({ hasText: text }).first().waitFor(); }

  async reads(...texts) {
    for (const text of texts) await this.page.locator("main, header").filter({ hasText: text }).first().waitFor();
  }
}
