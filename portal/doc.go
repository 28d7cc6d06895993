// Package portal is a web interface for the users of a service's webhooks: customers manage the endpoints of their organization and
// see each delivery with the reason for its state, operators see all organizations.
//
// [New] returns an [http.Handler] that a service mounts beside its own pages. The handler calls the REST interface of package httpapi
// in the same process, without a network, so that rights, masking, tenancy and validation are those of the REST interface.
//
// Pages are rendered on the server and work without JavaScript. Scripts, styles and images are part of the program; a page loads
// nothing from another origin.
package portal
