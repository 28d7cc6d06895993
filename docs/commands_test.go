//go:build unix

package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// patience bounds the time that a block takes.
const patience = 5 * time.Minute

// block is a fenced block of a page that a shell runs: ```sh is text for sh, ```bash is a script.
type block struct {
	script bool
	text   string
	output string // the ```text block that follows; "" for none
	page   string // the whole page
}

var fence = regexp.MustCompile("(?ms)^##? (.*?)$|^```(\\w+)\n(.*?)^```$")

// shellBlocks returns the blocks of all pages by page and heading. The second block below a heading
// has the number 2.
func shellBlocks(t *testing.T) map[string]*block {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]*block{}
	for _, page := range append(pages, "../README.md") {
		if page == "receiving.md" { // its snippets have tests of their own
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		heading, latest := "", (*block)(nil)
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			switch language := m[2]; {
			case language == "":
				heading, latest = m[1], nil
			case language == "sh" || language == "bash":
				latest = &block{script: language == "bash", text: m[3], page: string(text)}
				key := filepath.Base(page) + ": " + heading
				for blocks[key] != nil {
					key += ", then"
				}
				blocks[key] = latest
			case language == "text" && latest != nil && latest.output == "":
				latest.output = m[3]
			}
		}
	}
	return blocks
}

// TestShellBlocks runs the shell blocks of the pages, each in a folder of its own, with the sample host in the
// path. The exit code of each is 0, and its output is the output that the page shows.
func TestShellBlocks(t *testing.T) {
	t.Parallel()
	needTools(t, "go", "sh")
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", programs, "../hostexample")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	blocks := shellBlocks(t)
	for name := range scenes {
		if blocks[name] == nil {
			t.Errorf("there is no block %q any more", name)
		}
	}
	for name, b := range blocks {
		play := scenes[name]
		if play == nil {
			t.Errorf("the block %q has no scene that runs it", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(newScene(t, b, blocks, programs))
		})
	}
}

// scene is a block with all that it needs.
type scene struct {
	*testing.T
	*block
	blocks   map[string]*block
	folder   string // where it runs
	programs string // a folder in the path
	env      []string
}

func newScene(t *testing.T, b *block, blocks map[string]*block, programs string) *scene {
	t.Helper()
	own := *b
	s := &scene{T: t, block: &own, blocks: blocks, folder: t.TempDir(), programs: programs}
	s.env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "WEBHOOKS_") || strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS")
	})
	s.env = append(s.env, "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	return s
}

func (s *scene) setenv(name, value string) { s.env = append(s.env, name+"="+value) }

// replace puts a value of the test in the place of one that only the page's reader knows.
func (s *scene) replace(old, with string) {
	s.Helper()
	if !strings.Contains(s.text, old) {
		s.Fatalf("the block has no %q", old)
	}
	s.text = strings.ReplaceAll(s.text, old, with)
}

func (s *scene) write(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) read(name string) string {
	s.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

func (s *scene) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.Env = s.folder, s.env
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	return c
}

// sh runs a text with sh -eu, and returns its output.
func (s *scene) sh(text string) string {
	s.Helper()
	return s.exec("sh", "-eu", "-c", text)
}

// run runs the block, and returns its output.
func (s *scene) run() string {
	s.Helper()
	if !s.script {
		return s.sh(s.text)
	}
	s.write("script", s.text)
	if err := os.Chmod(filepath.Join(s.folder, "script"), 0o700); err != nil {
		s.Fatal(err)
	}
	return s.exec("./script")
}

func (s *scene) exec(args ...string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := s.command(ctx, args...)
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		s.Fatalf("%q: %v\n%s%s", args, err, &stdout, &stderr)
	}
	return stdout.String()
}

// runs runs the block. Its output ends with the output of the page.
func (s *scene) runs() {
	s.Helper()
	if out := s.run(); s.output == "" || !strings.HasSuffix(out, s.output) {
		s.Errorf("the output is\n%swant\n%s", out, s.output)
	}
}

// contains checks that a text has all parts.
func (s *scene) contains(text string, parts ...string) {
	s.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			s.Errorf("%q is not in\n%s", part, text)
		}
	}
}

// server is a running block.
type server struct {
	*scene
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr bytes.Buffer
	url    string
}

// start starts a text, and waits until it serves at url.
func (s *scene) start(text string) *server {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	p := &server{scene: s}
	// The trap keeps the shell alive until the host has ended.
	p.cmd = s.command(ctx, "sh", "-eu", "-c", "trap : TERM\n"+text)
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		cancel()
		s.Fatal(err)
	}
	s.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait()
	})
	p.lines = bufio.NewScanner(stdout)
	p.url = p.line("listening on ")
	return p
}

// line returns the next line of the output that begins with a text, without that text.
func (p *server) line(begin string) string {
	p.Helper()
	for p.lines.Scan() {
		if rest, ok := strings.CutPrefix(p.lines.Text(), begin); ok {
			return rest
		}
	}
	err := p.cmd.Wait()
	p.Fatalf("it ended without a line %q: %v\n%s", begin, err, &p.stderr)
	return ""
}

// stop sends SIGTERM, and returns the error of the block.
func (p *server) stop() error {
	p.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	for p.lines.Scan() { // until the last process has closed the output
	}
	return p.cmd.Wait()
}

// database creates a PostgreSQL database for the scene. Without a server the block is left out.
func (s *scene) database() string {
	s.Helper()
	needTools(s.T, "psql")
	name, server := testpg.Schema(s.T), testpg.DSN(s.T)
	admin := func(statement string) {
		out, err := exec.CommandContext(context.WithoutCancel(s.Context()), "psql", "-X", server, "-c", statement).CombinedOutput()
		if err != nil {
			s.Fatalf("%s: %v\n%s", statement, err, out)
		}
	}
	admin("CREATE DATABASE " + name)
	s.Cleanup(func() { admin("DROP DATABASE " + name + " WITH (FORCE)") })
	address, err := url.Parse(server)
	if err != nil {
		s.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}

// install builds a program at a pinned version. Where its module cannot be fetched, the block is left out.
func (s *scene) install(pkg, tags string) {
	s.Helper()
	c := s.command(s.Context(), "go", "install", "-tags", tags, pkg)
	c.Env = append(c.Env, "GOBIN="+s.programs, "GOFLAGS=", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		leftOut(s.T, "%s cannot be installed: %v\n%s", pkg, err, out)
	}
}
