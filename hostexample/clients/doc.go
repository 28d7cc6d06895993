// Package clients generates clients of the REST interface from its OpenAPI document,
// and its tests use each client against the running sample host. It is a module of its own,
// so that the main module does not depend on the generators. Run it by make clients.
package clients

//go:generate mkdir -p oapi
//go:generate go tool oapi-codegen -config oapi-codegen.yml ../../httpapi/testdata/openapi.json
//go:generate go tool ogen --config ogen.yml --loglevel error --target ogen --package ogen --clean ../../httpapi/testdata/openapi.json
