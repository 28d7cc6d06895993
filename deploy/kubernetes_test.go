package deploy_test

import (
	"reflect"
	"strings"
	"testing"
)

// manifests returns the objects of a file by kind.
func manifests(t *testing.T, path string) map[string]document {
	t.Helper()
	all := map[string]document{}
	for _, d := range read(t, path) {
		all[at[string](t, d, "kind")] = d
	}
	return all
}

func TestKubernetesFitsTogether(t *testing.T) {
	t.Parallel()
	kustomization := read(t, "kubernetes/kustomization.yaml")[0]
	listed := strings.Join(texts(t, kustomization, "resources"), " ")
	if listed != "namespace.yaml config.yaml api.yaml dispatcher.yaml" {
		t.Errorf("kustomization.yaml lists %s", listed)
	}
	image := each(t, kustomization, "images")[0]
	for _, role := range []string{"api", "dispatcher"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			all := manifests(t, "kubernetes/"+role+".yaml")
			labels := document{"app.kubernetes.io/name": "webhooks", "app.kubernetes.io/component": role}
			for _, got := range []any{
				at[any](t, all["Deployment"], "spec", "selector", "matchLabels"),
				at[any](t, all["Deployment"], "spec", "template", "metadata", "labels"),
				at[any](t, all["PodDisruptionBudget"], "spec", "selector", "matchLabels"),
			} {
				if !reflect.DeepEqual(got, labels) {
					t.Errorf("labels %v, want %v", got, labels)
				}
			}
			pod := at[document](t, all["Deployment"], "spec", "template", "spec")
			container := checkPod(t, pod)
			if got := at[string](t, container, "image"); got != at[string](t, image, "name") {
				t.Errorf("image %s", got)
			}
			if args := strings.Join(texts(t, container, "args"), " "); args != "serve --"+role {
				t.Errorf("args %s", args)
			}
			checkProbes(t, container)
			if service, ok := all["Service"]; ok != (role == "api") ||
				ok && (!reflect.DeepEqual(at[any](t, service, "spec", "selector"), any(labels)) ||
					at[string](t, each(t, service, "spec", "ports")[0], "targetPort") != "http") {
				t.Errorf("Service %v", service)
			}
		})
	}
	job := manifests(t, "kubernetes/migrate.yaml")["Job"]
	container := checkPod(t, at[document](t, job, "spec", "template", "spec"))
	if got, want := at[string](t, container, "image"), at[string](t, image, "newName")+":"+at[string](t, image, "newTag"); got != want {
		t.Errorf("the migration has the image %s, want that of the Deployments, %s", got, want)
	}
}

// checkPod checks that a pod satisfies the Pod Security Standard "restricted" with a root file system that is
// read-only, and mounts the secrets that it reads. It returns the container.
func checkPod(t *testing.T, pod document) document {
	t.Helper()
	if at[bool](t, pod, "automountServiceAccountToken") || at[bool](t, pod, "enableServiceLinks") ||
		!at[bool](t, pod, "securityContext", "runAsNonRoot") ||
		at[string](t, pod, "securityContext", "seccompProfile", "type") != "RuntimeDefault" {
		t.Errorf("the pod has rights that it does not need: %v", pod)
	}
	container := each(t, pod, "containers")[0]
	if !at[bool](t, container, "securityContext", "readOnlyRootFilesystem") ||
		at[bool](t, container, "securityContext", "allowPrivilegeEscalation") ||
		texts(t, container, "securityContext", "capabilities", "drop")[0] != "ALL" {
		t.Errorf("the container has rights that it does not need: %v", container)
	}
	volumes, mounts := map[string]bool{}, map[string]string{}
	for _, v := range each(t, pod, "volumes") {
		volumes[at[string](t, v, "name")] = strings.HasPrefix(at[string](t, v, "secret", "secretName"), "webhooks-")
	}
	for _, m := range each(t, container, "volumeMounts") {
		mounts[at[string](t, m, "mountPath")] = at[string](t, m, "name")
	}
	for _, e := range each(t, container, "env") {
		path, ok := strings.CutPrefix(at[string](t, e, "value"), "/run/secrets/")
		if folder, _, _ := strings.Cut(path, "/"); ok && !volumes[mounts["/run/secrets/"+folder]] {
			t.Errorf("%v is not mounted", e)
		}
	}
	return container
}

// checkProbes checks that the probes ask for paths of the host, at the ports of the image.
func checkProbes(t *testing.T, container document) {
	t.Helper()
	ports := map[string]int{}
	for _, p := range each(t, container, "ports") {
		ports[at[string](t, p, "name")] = at[int](t, p, "containerPort")
	}
	if ports["http"] != 8080 || ports["metrics"] != 9090 {
		t.Errorf("ports %v", ports)
	}
	for probe, path := range map[string]string{"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"} {
		get := at[document](t, container, probe, "httpGet")
		if at[string](t, get, "path") != path || at[string](t, get, "port") != "http" {
			t.Errorf("%s asks for %v", probe, get)
		}
	}
}
