// Package mounts shows the REST interface under a prefix of other routers. It is
// a module of its own, so that these routers are nobody else's dependency.
package mounts
