package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// document is a YAML document, or a part of one.
type document = map[string]any

// read returns the documents of a file. Two members of one name fail the test.
func read(t *testing.T, path string) (all []document) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var d document
		switch err := decoder.Decode(&d); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, d)
	}
}

// at returns the member at a path of names, which must be there.
func at[T any](t *testing.T, d any, path ...string) T {
	t.Helper()
	value := d
	for _, name := range path {
		members, ok := value.(document)
		if !ok {
			t.Fatalf("there is no %s in %v", strings.Join(path, "."), d)
		}
		value = members[name]
	}
	typed, ok := value.(T)
	if !ok {
		t.Fatalf("%s is a %T: %v", strings.Join(path, "."), value, value)
	}
	return typed
}

// each returns the members of a list, which are objects.
func each(t *testing.T, d any, path ...string) (all []document) {
	t.Helper()
	for _, item := range at[[]any](t, d, path...) {
		all = append(all, at[document](t, item))
	}
	return all
}

// texts returns the members of a list, which are texts.
func texts(t *testing.T, d any, path ...string) (all []string) {
	t.Helper()
	for _, item := range at[[]any](t, d, path...) {
		all = append(all, at[string](t, item))
	}
	return all
}

// allFiles returns the text of each file of this folder, and of the guide for it.
func allFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	add := func(path string) error {
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "secrets") {
			return err
		}
		return add(path)
	})
	if err = errors.Join(err, add("../docs/deployment.md")); err != nil {
		t.Fatal(err)
	}
	return files
}

var (
	variable = regexp.MustCompile(`\bWEBHOOKS_[A-Z_]+`)
	command  = regexp.MustCompile(`(?m)hostexample ((?:serve|migrate|token|rotate-keys|openapi|catalog|import)\b.*)$`)
	flag     = regexp.MustCompile(`--[a-z][a-z-]+`)
)

// Package hostexample holds docs/host.md equal to the settings of the host.
func TestEverySettingExists(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/host.md")
	if err != nil {
		t.Fatal(err)
	}
	known := func(setting string) bool { return strings.Contains(string(guide), "`"+setting+"`") }
	for path, text := range allFiles(t) {
		for _, name := range variable.FindAllString(text, -1) {
			if !known(name) {
				t.Errorf("%s has %s, which is no setting of the host", path, name)
			}
		}
		for _, line := range command.FindAllStringSubmatch(text, -1) {
			for _, name := range flag.FindAllString(line[1], -1) {
				if name != "--help" && !known(name) {
					t.Errorf("%s has %s, which is no flag of the host", path, name)
				}
			}
		}
	}
}

func TestTheImageIsBuiltWithTheGoOfTheModule(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(module)
	files := allFiles(t)
	if want := "FROM golang:" + string(version[1]) + " AS build\n"; !strings.Contains(files["Dockerfile"], want) {
		t.Errorf("the Dockerfile lacks %q", want)
	}
	for _, want := range []string{
		"FROM scratch\n", "USER 65532:65532\n", "ca-certificates.crt", "WEBHOOKS_ADDR=0.0.0.0:8080", "WEBHOOKS_METRICS_ADDR=0.0.0.0:9090",
		"EXPOSE 8080 9090\n",
	} {
		if !strings.Contains(files["Dockerfile"], want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
}

func TestComposeFitsTogether(t *testing.T) {
	t.Parallel()
	compose := read(t, "compose.yaml")[0]
	services := at[document](t, compose, "services")
	for name := range services {
		service := at[document](t, services, name)
		if secrets, ok := service["secrets"]; ok {
			for _, secret := range secrets.([]any) {
				at[string](t, compose, "secrets", secret.(string), "file")
			}
		}
		if volumes, ok := service["volumes"]; ok {
			for _, volume := range volumes.([]any) {
				checkVolume(t, compose, volume.(string))
			}
		}
		if name == "migrate" || name == "api" || name == "dispatcher" {
			checkHost(t, name, service)
			for _, argument := range texts(t, service, "command") {
				if argument == "--"+name || argument == "--no-migrate" || argument == "serve" || argument == "migrate" || argument == "up" {
					continue
				}
				t.Errorf("%s has the argument %s", name, argument)
			}
		}
	}
	scrapes := each(t, read(t, "compose/prometheus.yml")[0], "scrape_configs")
	targets := texts(t, each(t, scrapes[0], "static_configs")[0], "targets")
	if !slices.Equal(targets, []string{"api:9090", "dispatcher:9090"}) {
		t.Errorf("Prometheus scrapes %v", targets)
	}
	source := each(t, read(t, "compose/grafana-datasource.yml")[0], "datasources")[0]
	if at[string](t, source, "url") != "http://prometheus:9090" {
		t.Errorf("Grafana reads %v", source)
	}
}

// checkVolume checks that a mounted file or named volume exists. The files for Prometheus and Grafana
// are made beside this folder's.
func checkVolume(t *testing.T, compose document, volume string) {
	t.Helper()
	from, _, _ := strings.Cut(volume, ":")
	if path, ok := strings.CutPrefix(from, "./"); ok {
		if _, err := os.Stat(path); err != nil && path != "prometheus/alerts.yml" && path != "grafana/webhooks.json" {
			t.Errorf("%s: %v", volume, err)
		}
		return
	}
	if _, ok := at[document](t, compose, "volumes")[from]; !ok {
		t.Errorf("%s: there is no such volume", volume)
	}
}

// checkHost checks that a service of compose has the host's image without rights, and mounts the secrets that it reads.
func checkHost(t *testing.T, name string, service document) {
	t.Helper()
	if at[string](t, service, "image") != "webhooks" || !at[bool](t, service, "read_only") ||
		!slices.Equal(texts(t, service, "cap_drop"), []string{"ALL"}) {
		t.Errorf("%s: %v", name, service)
	}
	mounted := texts(t, service, "secrets")
	for variable, value := range at[document](t, service, "environment") {
		if secret, ok := strings.CutPrefix(value.(string), "/run/secrets/"); ok && !slices.Contains(mounted, secret) {
			t.Errorf("%s reads %s from %s, which it does not mount", name, variable, value)
		}
	}
}
