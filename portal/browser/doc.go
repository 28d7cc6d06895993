// Package browser tests the pages of the portal in a real browser: Chromium, driven by playwright-core, with the rules of axe-core.
package browser
