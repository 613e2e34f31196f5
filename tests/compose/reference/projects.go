package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/utils"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"
)

// call is one call of docker compose in a project of several files.
type call struct {
	Files map[string]string `yaml:"files"`
	Cwd   string            `yaml:"cwd"`
	Env   map[string]string `yaml:"env"`
	Flags []string          `yaml:"flags"`
	Args  []string          `yaml:"args"`
	Stdin string            `yaml:"stdin"`
}

// answer is the project that docker compose prints, or why there is none.
type answer struct {
	Project json.RawMessage `json:"project,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// flags are those before the verb that say which project is meant.
func (c call) flags() (files, envFiles, profiles []string, name, directory string) {
	for i := 0; i+1 < len(c.Flags); i += 2 {
		switch value := c.Flags[i+1]; c.Flags[i] {
		case "-f":
			files = append(files, value)
		case "--env-file":
			envFiles = append(envFiles, value)
		case "--profile":
			profiles = append(profiles, value)
		case "-p":
			name = value
		case "--project-directory":
			directory = value
		}
	}
	return files, envFiles, profiles, name, directory
}

// exportDotEnv makes the COMPOSE_ variables of env files those of the process, as docker compose does before anything else.
func exportDotEnv(files, envFiles []string, directory string) error {
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(directory), cli.WithOsEnv, cli.WithEnvFiles(envFiles...), cli.WithDotEnv)
	if err != nil {
		return err
	}
	variables, err := dotenv.GetEnvFromFile(utils.GetAsEqualsMap(os.Environ()), options.EnvFiles)
	for key, value := range variables {
		if _, set := os.LookupEnv(key); !set && strings.HasPrefix(key, "COMPOSE_") {
			err = errors.Join(err, os.Setenv(key, value))
		}
	}
	return err
}

// load does what `docker compose FLAGS config --format json ARGS` does, in this process' directory and environment.
func (c call) load() ([]byte, error) {
	files, envFiles, profiles, name, directory := c.flags()
	if len(envFiles) == 0 {
		envFiles = strings.FieldsFunc(os.Getenv("COMPOSE_ENV_FILES"), func(r rune) bool { return r == ',' })
	}
	if err := exportDotEnv(files, envFiles, directory); err != nil {
		return nil, err
	}
	for i, file := range envFiles {
		envFiles[i], _ = filepath.Abs(file)
	}
	options, err := cli.NewProjectOptions(files,
		cli.WithDiscardEnvFile,
		cli.WithWorkingDirectory(directory),
		cli.WithOsEnv,
		cli.WithEnvFiles(envFiles...),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(envFiles...), // the project's directory may be another one now
		cli.WithDotEnv,
		cli.WithDefaultProfiles(profiles...),
		cli.WithName(name),
	)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if project, err = project.WithServicesEnabled(c.Args...); err != nil {
		return nil, err
	}
	if project, err = project.WithSelectedServices(c.Args); err != nil {
		return nil, err
	}
	if project, err = project.WithoutUnnecessaryResources().WithServicesEnvironmentResolved(true); err != nil {
		return nil, err
	}
	content, err := project.MarshalJSON()
	return bytes.ReplaceAll(content, []byte("$"), []byte("$$")), err
}

// answer calls docker compose in a directory of its own, which is printed as /project.
func (c call) answer(number int) (answer, error) {
	root := filepath.Join(os.TempDir(), "compose-reference-"+strconv.Itoa(os.Getpid()), strconv.Itoa(number), "project")
	defer os.RemoveAll(filepath.Dir(filepath.Dir(root)))
	cwd := filepath.Join(root, c.Cwd)
	err := os.MkdirAll(cwd, 0o777)
	for path, text := range c.Files {
		file := filepath.Join(root, path)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(filepath.Dir(root), "stdin"), []byte(c.Stdin), 0o666), os.Chdir(cwd))
	if err != nil {
		return answer{}, err
	}
	input, err := os.Open(filepath.Join(filepath.Dir(root), "stdin"))
	if err != nil {
		return answer{}, err
	}
	defer input.Close()
	os.Stdin = input
	os.Clearenv()
	for key, value := range map[string]string{"HOME": "/home/user", "PATH": "/usr/bin:/bin", "PWD": cwd} {
		os.Setenv(key, value)
	}
	for key, value := range c.Env {
		os.Setenv(key, value)
	}
	content, err := c.load()
	if err != nil {
		reason, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), root, "/project"), "\n")
		return answer{Error: reason}, nil
	}
	return answer{Project: bytes.ReplaceAll(content, []byte(root), []byte("/project"))}, nil
}

// writeProjects writes beside a file of calls F.yaml what docker compose answers to each: F.json.
func writeProjects(file string) error {
	logrus.SetOutput(io.Discard)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var calls map[string]call
	if err := yaml.Unmarshal(text, &calls); err != nil {
		return err
	}
	answers := map[string]answer{}
	for name, call := range calls {
		if answers[name], err = call.answer(len(answers)); err != nil {
			return err
		}
	}
	content, err := json.MarshalIndent(answers, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(file, ".yaml")+".json", append(content, '\n'), 0o666)
}
