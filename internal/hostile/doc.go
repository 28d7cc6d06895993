// Package hostile is what this module has to withstand: URLs that try to lead
// somewhere they must not, and receivers that answer as no honest one does. Tests
// of several packages use it, and its own tests send to those URLs for real.
package hostile
