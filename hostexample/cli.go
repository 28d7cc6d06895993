package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the command line. Kong makes the flags of the fields, and envName the
// environment variables of the flags.
type cli struct {
	LogLevel  logLevel  `help:"Least level that is logged: debug, info, warn or error." default:"info"`
	LogFormat logFormat `help:"Form of the log: text, json, or auto for text on a terminal, else json." default:"auto"`

	Serve   serveCmd      `cmd:"" default:"withargs" help:"REST API and dispatcher in one process (the default command)."`
	Demo    demoCmd       `cmd:"" help:"Publish, deliver, retry in front of your eyes, on a store of its own."`
	Token   tokenCmd      `cmd:"" help:"Print a token for the API, signed with the HS256 secret."`
	Migrate migrateCmd    `cmd:"" help:"Migrate the schema of the database."`
	Rotate  rotateKeysCmd `cmd:"" name:"rotate-keys" help:"Encrypt the signing secrets anew with the first key."`
	OpenAPI openAPICmd    `cmd:"" name:"openapi" help:"Print the OpenAPI document of the API."`
}

// runner is what a command does. Kong fills in the command's fields before.
type runner interface {
	run(ctx context.Context, h *host, c *cli) error
}

const description = "Sample host of the webhooks library."

// Help is the part of the help on secrets, which have no flags.
func (*serveCmd) Help() string {
	return `Every flag can be given as the environment variable behind it; a flag wins. Secrets
have no flag, but are taken from the environment, or from the file that the same
variable with _FILE behind it names:

    WEBHOOKS_JWT_SECRET     HS256 secret of the tokens, at least 32 bytes, or several
                            by commas: the first signs, all verify.
    WEBHOOKS_SECRET_KEYS    Keys that encrypt signing secrets at rest, base64 of 32
                            bytes each, by commas: the first encrypts, all decrypt.
                            "off" leaves them in the clear. Required outside
                            development mode. Without a key that the database
                            needs it does not start; rotate-keys --help says how
                            to replace one.
    WEBHOOKS_PRIVATE_KEY    Ed25519 key, whsk_…, that adds a v1a signature.
    WEBHOOKS_STORE_FILE     File with the value of --store.
    WEBHOOKS_LISTEN_ADDRESS_FILE
                            File with the value of --listen-address.

Durations take days, such as 30d. With --dev it runs in development mode: on loopback
only, with secrets of its own in webhooks.dev.secret and webhooks.dev.key beside the
database, and deliveries may reach loopback. So it does where nothing is configured:
the default store, API and dispatcher in one process, neither WEBHOOKS_JWT_SECRET nor
--jwks. A dispatcher alone needs no WEBHOOKS_JWT_SECRET.`
}

// parse reads the arguments and the environment. The command is nil if all is done
// already, as for --help.
func (h *host) parse(args []string) (*cli, runner, error) {
	c, helped := new(cli), false
	parser, err := kong.New(c,
		kong.Name("hostexample"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(h.stdout, h.stderr), kong.Exit(func(int) { helped = true }),
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
		fmt.Fprintf(h.stdout, "  %-11s %s\n", c.Name, c.Help)
	}
	fmt.Fprint(h.stdout, "\nThe flags of serve follow; for those of another: hostexample COMMAND --help\n\n")
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
	if value, ok := h.lookup(envName(flag.Name)); ok && flag.Name != "help" {
		return value, nil
	}
	return nil, nil
}

const envPrefix = "WEBHOOKS_"

func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func helpText(v *kong.Value) string {
	if v.Flag == nil || v.Name == "help" {
		return v.Help
	}
	return v.Help + " [" + envName(v.Name) + "]"
}

// leave are variables that begin with the prefix and are others': those of the
// tests, and those that Kubernetes sets for a service called webhooks.
var leave = regexp.MustCompile(`^WEBHOOKS_(TEST_|(.*_)?(SERVICE_HOST|SERVICE_PORT|PORT)(_|$))`)

// checkNames refuses a variable that no flag has: it is a slip, and silence would
// hide it.
func (h *host) checkNames(app *kong.Application) error {
	known := map[string]bool{}
	for _, name := range secretNames {
		known[name] = true
	}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[envName(flag.Name)] = true
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for _, entry := range h.environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, envPrefix) && !known[name] && !leave.MatchString(name) {
			return wrong(name, "is not a setting; --help lists them")
		}
	}
	return nil
}

// wrongError says in one line which setting is wrong.
type wrongError struct{ line string }

func (e *wrongError) Error() string { return e.line }

// wrong returns a wrongError about a flag, or about a variable that is no flag.
func wrong(setting, format string, args ...any) error {
	if !strings.HasPrefix(setting, envPrefix) {
		setting = "--" + setting + " (" + envName(setting) + ")"
	}
	return &wrongError{setting + " " + fmt.Sprintf(format, args...)}
}

var flagFirst = regexp.MustCompile(`^--([a-z-]+)(=\S*)?: `)

// nameVariable adds the variable to a message that begins with a flag: the value
// may have come from there.
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
