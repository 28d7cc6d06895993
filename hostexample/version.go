package main

import (
	"fmt"
	"runtime/debug"

	"github.com/ecg-api/webhooks"
)

// buildInfo describes the program: the version, the commit if it was built in a repository, and Go.
func buildInfo() string {
	info, _ := debug.ReadBuildInfo()
	return describeBuild(info)
}

func describeBuild(info *debug.BuildInfo) string {
	if info == nil {
		return webhooks.Version
	}
	commit, changed := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return fmt.Sprintf("%s, commit %s%s, %s", webhooks.Version, commit, changed, info.GoVersion)
}
