package docs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/signing"
)

// program is how a snippet is run: with a main program around it that reads attempts from stdin.
type program struct {
	tools   []string          // must be there
	files   map[string]string // name: text, in which SNIPPET is the snippet and LIBRARY the folder of the libraries
	build   []string          // a command
	command []string
	npm     bool // the packages of testdata/receiving are needed
}

// The libraries of Standard Webhooks lie in the module cache: they are a dependency of the tests.
const libraries = "github.com/standard-webhooks/standard-webhooks/libraries"

const (
	nodeMain = `
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const [secret, id, timestamp, signature, body] = line.split("\t").map((text) => Buffer.from(text, "base64"));
  const headers = { "webhook-id": String(id), "webhook-timestamp": String(timestamp), "webhook-signature": String(signature) };
  let accepted = false;
  try { accepted = verify(String(secret), headers, body) !== false; } catch {}
  console.log(accepted ? "accepted" : "refused");
}`
	pythonMain = `
import base64, sys
for line in sys.stdin:
    secret, id, timestamp, signature, body, created, digest = [base64.b64decode(text) for text in line.rstrip("\n").split("\t")]
    headers = {"webhook-id": id.decode(), "webhook-timestamp": timestamp.decode(), "webhook-signature": signature.decode(),
               "x-webhook-created-at": created.decode(), "x-webhook-hash": digest.decode()}
    try:
        accepted = verify(secret.decode(), headers, body) is not False
    except Exception:
        accepted = False
    print("accepted" if accepted else "refused")
`
	phpMain = `
while (($line = fgets(STDIN)) !== false) {
    [$secret, $id, $timestamp, $signature, $body] = array_map('base64_decode', explode("\t", $line));
    $headers = ['webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signature];
    try { $accepted = verify($secret, $headers, $body) !== false; } catch (\Throwable $e) { $accepted = false; }
    echo $accepted ? "accepted\n" : "refused\n";
}`
	phpLoader = "foreach (glob('LIBRARY/php/src/{Exception/,}*.php', GLOB_BRACE) as $f) { require $f; }\n"
	rubyMain  = `
STDIN.each_line do |line|
  secret, id, timestamp, signature, body = line.chomp.split("\t", -1).map { |text| Base64.decode64(text) }
  headers = { "webhook-id" => id, "webhook-timestamp" => timestamp, "webhook-signature" => signature }
  accepted = begin
    verify(secret, headers, body) != false
  rescue StandardError
    false
  end
  puts accepted ? "accepted" : "refused"
end`
	javaMain = `
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
class Main {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      List<byte[]> f = new ArrayList<>();
      for (String text : line.split("\t", -1)) f.add(Base64.getDecoder().decode(text));
      boolean accepted;
      try {
        String[] s = new String[4];
        for (int i = 0; i < 4; i++) s[i] = new String(f.get(i), StandardCharsets.UTF_8);
        accepted = WebhookSignature.verify(s[0], s[1], s[2], s[3], f.get(4));
      } catch (Exception e) { accepted = false; }
      System.out.println(accepted ? "accepted" : "refused");
    }
  }
}`
	goMain = `package main
import ("bufio"; "encoding/base64"; "fmt"; "net/http"; "os"; "strings"; "time")
func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var f []string
		for _, text := range strings.Split(in.Text(), "\t") {
			b, _ := base64.StdEncoding.DecodeString(text)
			f = append(f, string(b))
		}
		h := http.Header{"Webhook-Id": {f[1]}, "Webhook-Timestamp": {f[2]}, "Webhook-Signature": {f[3]}}
		if verify(f[0], h, []byte(f[4]), time.Now()) { fmt.Println("accepted") } else { fmt.Println("refused") }
	}
}`
)

var programs = map[string]program{
	"go": {
		tools: []string{"go"}, build: []string{"go", "build", "-o", "verify", "."}, command: []string{"./verify"},
		files: map[string]string{"verify.go": "package main\n\nSNIPPET", "main.go": goMain, "go.mod": "module receiver\n\ngo 1.24\n"},
	},
	"javascript": {
		tools: []string{"node"}, command: []string{"node", "main.mjs"}, files: map[string]string{"main.mjs": "SNIPPET" + nodeMain},
	},
	"javascript-library": {
		tools: []string{"node", "npm"}, command: []string{"node", "main.mjs"}, files: map[string]string{"main.mjs": "SNIPPET" + nodeMain},
		npm: true,
	},
	"python": {
		tools: []string{"python3"}, command: []string{"python3", "main.py"}, files: map[string]string{"main.py": "SNIPPET" + pythonMain},
	},
	"python-library": {
		tools: []string{"python3"}, command: []string{"python3", "main.py"},
		files: map[string]string{"main.py": "import sys\nsys.path.insert(0, 'LIBRARY/python')\nSNIPPET" + pythonMain},
	},
	"php": {
		tools: []string{"php"}, command: []string{"php", "-d", "display_errors=stderr", "main.php"},
		files: map[string]string{"main.php": "<?php\nSNIPPET" + phpMain},
	},
	"php-library": {
		tools: []string{"php"}, command: []string{"php", "-d", "display_errors=stderr", "main.php"},
		files: map[string]string{"main.php": "<?php\n" + phpLoader + "SNIPPET" + phpMain},
	},
	"ruby": {tools: []string{"ruby"}, files: map[string]string{"main.rb": "SNIPPET" + rubyMain}, command: []string{"ruby", "main.rb"}},
	"ruby-library": {
		tools: []string{"ruby"}, command: []string{"ruby", "main.rb"},
		files: map[string]string{"main.rb": "$LOAD_PATH.unshift 'LIBRARY/ruby/lib'\nSNIPPET" + rubyMain},
	},
	"java": {
		tools: []string{"javac", "java"}, files: map[string]string{"WebhookSignature.java": "SNIPPET", "Main.java": javaMain},
		build: []string{"javac", "-encoding", "UTF-8", "Main.java", "WebhookSignature.java"}, command: []string{"java", "Main"},
	},
}

// notRun are snippets that no test runs; the page says so.
var notRun = []string{"java-library", "csharp", "csharp-library"}

// The snippets accept the requests of the product, and refuse forged requests.
func TestSnippetsJudgeRequestsOfTheProduct(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	for name, program := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := program.install(t, p.snippets[name])
			all := attempts(t) // their ages count from now on
			judge(t, all, func(input io.Reader) ([]byte, error) {
				run := exec.CommandContext(t.Context(), program.command[0], program.command[1:]...)
				run.Dir, run.Stdin = folder, input
				return run.Output()
			})
		})
	}
	for _, name := range notRun {
		if p.snippets[name] == "" {
			t.Errorf("the page has no snippet %s", name)
		}
		t.Logf("left out: the snippet %s", name)
	}
}

// install writes the files of a program. It skips the test where a tool is missing.
func (p program) install(t *testing.T, snippet string) string {
	t.Helper()
	if snippet == "" {
		t.Fatal("the page has no such snippet")
	}
	needTools(t, p.tools...)
	folder := t.TempDir()
	library := ""
	for _, text := range p.files {
		if strings.Contains(text, "LIBRARY") {
			out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", libraries).Output()
			if library = strings.TrimSpace(string(out)); err != nil || library == "" {
				t.Fatalf("the libraries are not in the module cache: %v", err)
			}
		}
	}
	for name, text := range p.files {
		text = strings.NewReplacer("SNIPPET", snippet, "LIBRARY", library).Replace(text)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p.npm {
		installPackages(t, folder)
	}
	if p.build != nil {
		build := exec.CommandContext(t.Context(), p.build[0], p.build[1:]...)
		build.Dir, build.Env = folder, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return folder
}

// leftOut skips the test. With CI=true it fails it, so that nothing is left out unnoticed.
func leftOut(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("left out: "+format, args...)
	}
	t.Skipf("left out: "+format, args...)
}

// optional are tools that a machine of CI need not have.
var optional = []string{"atlas", "php", "ruby", "java", "javac"}

func needTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		_, err := exec.LookPath(tool)
		switch {
		case err == nil:
		case slices.Contains(optional, tool):
			t.Skipf("left out: there is no %s", tool)
		default:
			leftOut(t, "there is no %s", tool)
		}
	}
}

func installPackages(t *testing.T, folder string) {
	t.Helper()
	if err := os.CopyFS(folder, os.DirFS("testdata/receiving")); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		leftOut(t, "npm's packages cannot be installed: %v: %s", err, out)
	}
}

// The hash of the second scheme does not cover the id, and is made with the newest secret alone.
func TestTheHashSnippetJudgesRequestsOfTheProduct(t *testing.T) {
	t.Parallel()
	all := slices.DeleteFunc(attempts(t), func(a attempt) bool {
		return !slices.Contains([]string{
			"valid", "valid after a rotation", "valid by the former secret", "another secret", "another body", "six minutes old",
		}, a.name)
	})
	for i := range all {
		all[i].accepted = all[i].accepted && all[i].name != "valid by the former secret"
	}
	p := program{tools: []string{"python3"}, files: map[string]string{"main.py": "SNIPPET" + pythonMain}}
	folder := p.install(t, readPage(t).snippets["hash"])
	judge(t, all, func(input io.Reader) ([]byte, error) {
		run := exec.CommandContext(t.Context(), "python3", "main.py")
		run.Dir, run.Stdin = folder, input
		return run.Output()
	})
}

// The program of the page that uses package signing is compiled, and handles each webhook once.
func TestTheGoReceiverOfThePage(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	folder, snippet := t.TempDir(), readPage(t).snippets["go-library"]
	main := `package main
import ("bufio"; "encoding/base64"; "fmt"; "net/http"; "net/http/httptest"; "os"; "strings")
func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var f []string
		for _, text := range strings.Split(in.Text(), "\t") {
			b, _ := base64.StdEncoding.DecodeString(text)
			f = append(f, string(b))
		}
		calls := 0
		receiver, err := newReceiver(func(http.ResponseWriter, *http.Request) { calls++ }, f[0])
		if err != nil { panic(err) }
		for range 2 {
			r := httptest.NewRequest("POST", "/", strings.NewReader(f[4]))
			r.Header = http.Header{"Webhook-Id": {f[1]}, "Webhook-Timestamp": {f[2]}, "Webhook-Signature": {f[3]}}
			receiver.ServeHTTP(httptest.NewRecorder(), r)
		}
		if calls == 1 { fmt.Println("accepted") } else if calls == 0 { fmt.Println("refused") } else { fmt.Println("twice") }
	}
}`
	sum, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"receiver.go": "package main\n\n" + snippet, "main.go": main, "go.sum": string(sum),
		"go.mod": "module receiver\n\ngo 1.26.11\n\nrequire github.com/ecg-api/webhooks v0.0.0\n\nreplace github.com/ecg-api/webhooks => " +
			root + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	judge(t, attempts(t), func(input io.Reader) ([]byte, error) {
		run := exec.CommandContext(t.Context(), "go", "run", ".")
		run.Dir, run.Stdin, run.Env = folder, input, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		return run.Output()
	})
}

// The commands of the page for the shell sign a request that a receiver accepts.
func TestTheShellCommandsSendAWebhook(t *testing.T) {
	t.Parallel()
	needTools(t, "bash", "curl", "openssl", "base64")
	secret := signing.NewSecret()
	keys := must(signing.ParseKeys(secret))
	accepted := 0
	receiver := httptest.NewServer(signing.Middleware(keys, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { accepted++ })))
	defer receiver.Close()
	run := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", readPage(t).snippets["shell"])
	run.Env = append(os.Environ(), "SECRET="+secret, "ENDPOINT="+receiver.URL)
	if out, err := run.CombinedOutput(); err != nil || accepted != 1 {
		t.Errorf("%v, accepted %d:\n%s", err, accepted, out)
	}
}
