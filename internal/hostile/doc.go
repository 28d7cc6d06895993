// Package hostile holds the attacks that this module has to withstand: URLs that lead
// to forbidden addresses, and receivers that answer as no honest receiver does. Tests of
// several packages use it, and its own tests really send to these URLs.
package hostile
