// Command reference writes what docker compose prints of the files of ../golden: beside each F.yaml F.config.yaml and F.config.json, what
// `docker compose config` prints, and F.hashes, what `docker compose config --hash "*"` does. The project directory is /project. Beside each
// file of ../projects, which holds calls of docker compose in projects of several files, it writes F.json, what those print.
//
//	go run . ../golden ../projects
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// order is what docker compose 5.6 hashes first (pkg/compose/hash.go), in that order; what it doesn't name follows by name.
var order = strings.Fields(`profiles annotations attach build develop blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count
	cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares command configs container_name credential_spec
	depends_on deploy device_cgroup_rules devices dns dns_opt dns_search dockerfile domainname entrypoint provider environment env_file
	expose extends external_links extra_hosts group_add gpus hostname healthcheck image init ipc isolation labels label_file links logging
	log_driver log_opt mem_limit mem_reservation memswap_limit mem_swappiness mac_address models net network_mode networks
	oom_kill_disable oom_score_adj pid pids_limit platform ports privileged pull_policy read_only restart runtime scale secrets
	security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode
	uts volume_driver volumes volumes_from working_dir pre_start post_start pre_stop pull_refresh_after`)

// hash is that of a container's configuration: what needs no new container is left out.
func hash(service types.ServiceConfig) (string, error) {
	service.Build, service.PullPolicy, service.Scale, service.DependsOn, service.Profiles = nil, "", nil, nil, nil
	if service.Deploy != nil {
		deploy := *service.Deploy
		deploy.Replicas = nil
		service.Deploy = &deploy
	}
	text, err := json.Marshal(service)
	if err != nil {
		return "", err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return "", err
	}
	keys := make([]string, 0, len(parts))
	for key := range parts {
		keys = append(keys, key)
	}
	place := func(key string) int {
		if at := slices.Index(order, key); at >= 0 {
			return at
		}
		return len(order)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if place(a) != place(b) {
			return place(a) - place(b)
		}
		return strings.Compare(a, b)
	})
	var ordered bytes.Buffer
	for i, key := range keys {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		fmt.Fprintf(&ordered, "%s%q:%s", separator, key, parts[key])
	}
	ordered.WriteString("}")
	return fmt.Sprintf("%x", sha256.Sum256(ordered.Bytes())), nil
}

func write(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	details := types.ConfigDetails{
		WorkingDir:  "/project",
		ConfigFiles: []types.ConfigFile{{Filename: "/project/compose.yaml", Content: text}},
		Environment: types.Mapping{},
	}
	project, err := loader.LoadWithContext(context.Background(), details, loader.WithProfiles([]string{"*"}))
	if err != nil {
		return err
	}
	if project, err = project.WithServicesEnvironmentResolved(true); err != nil {
		return err
	}
	base := strings.TrimSuffix(file, ".yaml")
	var hashes strings.Builder
	for _, name := range project.ServiceNames() {
		sum, err := hash(project.Services[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(&hashes, "%s %s\n", name, sum)
	}
	inYAML, err := project.MarshalYAML()
	if err != nil {
		return err
	}
	inJSON, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	for ending, content := range map[string]string{".config.yaml": string(inYAML), ".config.json": string(inJSON), ".hashes": hashes.String()} {
		if ending != ".hashes" {
			content = strings.ReplaceAll(content, "$", "$$")
		}
		if err := os.WriteFile(base+ending, []byte(content), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// each calls write for every YAML file of a directory that is no output of its own.
func each(directory string, write func(file string) error) error {
	files, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	for _, file := range files {
		if err == nil && !strings.HasSuffix(file, ".config.yaml") {
			err = write(file)
		}
	}
	return err
}

func main() {
	projects, err := filepath.Abs(os.Args[2])
	if err == nil {
		err = each(os.Args[1], write)
	}
	if err == nil {
		err = each(projects, writeProjects)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
