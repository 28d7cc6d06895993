// Package mounts shows the REST interface under a prefix of chi, echo and gin. It is a
// module of its own, so that the main module does not depend on these routers.
package mounts
