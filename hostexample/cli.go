package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the command line. Kong derives the flags from the fields, and envName derives
// the environment variables from the flags.
type cli struct {
	Version   kong.VersionFlag `help:"Print version, commit and Go, and end."`
	LogLevel  logLevel         `help:"Lowest level that is logged: debug, info, warn or error." default:"info"`
	LogFormat logFormat        `help:"Form of the log: text, json, or auto for text on a terminal, else json." default:"auto"`

	Serve   serveCmd      `cmd:"" default:"withargs" help:"Serve the REST API and dispatch, in one process (the default command)."`
	Demo    demoCmd       `cmd:"" help:"Show publishing, delivery and retries, on a store in memory."`
	Token   tokenCmd      `cmd:"" help:"Print a token for the API, signed with the HS256 secret."`
	Migrate migrateCmd    `cmd:"" help:"Migrate the schema of the database."`
	Rotate  rotateKeysCmd `cmd:"" name:"rotate-keys" help:"Encrypt all signing secrets and headers with the first key."`
	Erase   eraseCmd      `cmd:"" help:"Remove everything of an organization, or the payload of one event."`
	Import  importCmd     `cmd:"" help:"Create subscriptions from the endpoints of Svix or Convoy, with their secrets."`
	Catalog catalogCmd    `cmd:"" help:"Export the catalog: OpenAPI, AsyncAPI, Markdown, types of Go."`
	OpenAPI openAPICmd    `cmd:"" name:"openapi" help:"Print the OpenAPI document of the API."`

	Status        statusCmd        `cmd:"" help:"Show whether webhooks go out: queue, circuits, schema, keys, dispatchers."`
	Subscriptions subscriptionsCmd `cmd:"" help:"List, show, test and enable subscriptions."`
	Events        eventsCmd        `cmd:"" help:"List, show and explain published events."`
	Publish       publishCmd       `cmd:"" help:"Publish an event."`
	Listen        listenCmd        `cmd:"" help:"Show events as they are published, and send them to a program on this machine."`
	Retry         retryCmd         `cmd:"" help:"Send an attempt again, and wait for the outcome."`
	Recover       recoverCmd       `cmd:"" help:"Queue failed or missed deliveries again."`
	Seed          seedCmd          `cmd:"" help:"Check seed documents."`
	Config        configCmd        `cmd:"" help:"Check the settings of serve."`
	PortalLink    portalLinkCmd    `cmd:"" help:"Print a link that signs a person in to the portal."`
	Healthcheck   healthcheckCmd   `cmd:"" help:"Ask a host whether it works; exit code 0 or 1."`
}

// runner is a command. Kong sets its fields from the flags before run is called.
type runner interface {
	run(ctx context.Context, h *host, c *cli) error
}

const description = "Sample host of the webhooks library."

// Help describes the settings that have no flags, and development mode.
func (*serveCmd) Help() string {
	return `The environment variable in brackets sets the same value as its flag; the flag wins.
Secrets have no flag. They are read from variables, or from the files that the variables
with the suffix _FILE name:

    WEBHOOKS_JWT_SECRET     HS256 secrets of the tokens, at least 32 bytes each,
                            separated by commas: the first signs, all verify.
    WEBHOOKS_SECRET_KEYS    Keys that encrypt signing secrets and headers of
                            subscriptions at rest, base64 of 32 bytes each,
                            separated by commas: the first encrypts, all decrypt.
                            "off" stores them in the clear.
                            Required outside development mode. The host does not
                            start without a key that the database needs;
                            rotate-keys --help says how to replace a key.
    WEBHOOKS_PORTAL_KEY     Keys of links to the portal and of its sessions, at least
                            32 bytes each, separated by commas: the first encrypts,
                            all decrypt. Needs --portal-url.
    WEBHOOKS_PRIVATE_KEY    Ed25519 key, whsk_…, that adds a v1a signature.
    WEBHOOKS_STORE_FILE     File with the value of --store.
    WEBHOOKS_LISTEN_ADDRESS_FILE
                            File with the value of --listen-address.
    WEBHOOKS_EGRESS_PROXY_FILE
                            File with the value of --egress-proxy.

A duration can have days, such as 30d. With --dev the host runs in development mode: on
loopback only, with generated secrets in webhooks.dev.secret, webhooks.dev.key and
webhooks.dev.portal beside the database, and deliveries may reach loopback. Development mode is also on if nothing
is configured: the default store, API and dispatcher in one process, and neither
WEBHOOKS_JWT_SECRET nor --jwks. A dispatcher alone needs no WEBHOOKS_JWT_SECRET.`
}

// parse reads the arguments and the environment. The command is nil if nothing is left to
// run, as after --help.
func (h *host) parse(args []string) (*cli, runner, error) {
	c, helped := new(cli), false
	parser, err := kong.New(c,
		kong.Name("hostexample"), kong.Description(description), kong.UsageOnError(),
		kong.Vars{"version": "hostexample " + buildInfo()}, kong.Writers(h.stdout, h.stderr), kong.Exit(func(int) { helped = true }),
		kong.Resolvers(kong.ResolverFunc(h.resolve)), kong.ValueFormatter(helpText),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}),
	)
	if err == nil {
		err = h.checkNames(parser.Model)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
		return nil, nil, h.help(parser)
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, &wrongError{nameVariable(err.Error())}
	}
	command, ok := parsed.Selected().Target.Addr().Interface().(runner)
	if !ok {
		return nil, nil, errors.New("no such command")
	}
	return c, command, nil
}

// help prints the commands and the flags of the default one.
func (h *host) help(parser *kong.Kong) error {
	fmt.Fprintf(h.stdout, "%s\n\nCommands:\n", description)
	for _, c := range parser.Model.Children {
		fmt.Fprintf(h.stdout, "  %-13s %s\n", c.Name, c.Help)
	}
	fmt.Fprint(h.stdout, "\nThe flags of serve follow. For the flags of another command: hostexample COMMAND --help\n\n")
	_, err := parser.Parse([]string{"serve", "--help"})
	return err
}

// lookup returns an environment variable. One that is empty counts as not set.
func (h *host) lookup(name string) (string, bool) {
	for i := len(h.environ) - 1; i >= 0; i-- {
		if key, value, _ := strings.Cut(h.environ[i], "="); key == name {
			return value, value != ""
		}
	}
	return "", false
}

// resolve gives a flag that is not on the command line its value.
func (h *host) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if value, ok := h.lookup(envName(flag.Name)); ok && hasVariable(flag.Name) {
		return value, nil
	}
	return nil, nil
}

const envPrefix = "WEBHOOKS_"

// hasVariable reports whether a variable can set a flag.
func hasVariable(flag string) bool { return flag != "help" && flag != "version" }

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func helpText(v *kong.Value) string {
	if v.Flag == nil || !hasVariable(v.Name) {
		return v.Help
	}
	return v.Help + " [" + envName(v.Name) + "]"
}

// foreignVariable matches variables with our prefix that are not settings: variables of the
// tests, and variables that Kubernetes sets for a service called webhooks.
var foreignVariable = regexp.MustCompile(`^WEBHOOKS_(TEST_|(.*_)?(SERVICE_HOST|SERVICE_PORT|PORT)(_|$))`)

// checkNames refuses a variable with our prefix that belongs to no flag: it is a typing
// error, which would otherwise have no effect and no message.
func (h *host) checkNames(app *kong.Application) error {
	known := map[string]bool{}
	for _, name := range secretNames {
		known[name] = true
	}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && hasVariable(flag.Name) {
			known[envName(flag.Name)] = true
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for _, entry := range h.environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !known[name] && !foreignVariable.MatchString(name) {
			return wrong(name, "is not a setting; --help lists them")
		}
	}
	return nil
}

// wrongError is an error about a setting, in one line.
type wrongError struct{ line string }

func (e *wrongError) Error() string { return e.line }

// wrong returns a wrongError about a flag, or about a variable that has no flag.
func wrong(setting, format string, args ...any) error {
	if setting != strings.ToUpper(setting) {
		setting = "--" + setting + " (" + envName(setting) + ")"
	}
	return &wrongError{setting + " " + fmt.Sprintf(format, args...)}
}

var flagFirst = regexp.MustCompile(`^--([a-z-]+)(=\S*)?: `)

// nameVariable adds the variable to a message that begins with a flag: the wrong value may
// be the variable's.
func nameVariable(line string) string {
	m := flagFirst.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	return "--" + m[1] + " (" + envName(m[1]) + ") " + line[len(m[0]):]
}

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
