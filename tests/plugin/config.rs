//! `kubectl-compose config`: docker compose's flags, outputs and exit codes.

use std::fs;

use serde_json::Value;

use crate::project::Project;

const SHOP: &str = "services:
  web:
    image: nginx:${TAG:-1}
    depends_on: [db]
    networks: [front]
    environment: {GREETING: \"${GREETING:?say hello}\"}
  db:
    image: postgres
    volumes: [data:/data]
    networks: [front]
  tool:
    build: .
    profiles: [debug, admin]
volumes: {data: {}}
networks: {front: {}}
models: {smart: {model: ai/smollm2}}
";

fn shop(name: &str) -> Project {
    Project::new(name, &[("compose.yaml", SHOP), (".env", "GREETING=hello\n")])
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_project_is_printed_interpolated_as_yaml_or_as_json() {
    let project = shop("config");
    let printed = json(&project.prints(&["config", "--format", "json"]));
    assert_eq!((&printed["name"], &printed["services"]["web"]["image"]), (&"config".into(), &"nginx:1".into()));
    let yaml: Value = serde_yaml::from_str(&project.prints(&["config"])).unwrap();
    assert_eq!((&yaml["services"]["web"]["image"], &yaml["services"]["tool"]), (&"nginx:1".into(), &Value::Null));
}

#[test]
fn services_that_are_named_are_printed_with_what_they_depend_on() {
    let project = shop("named");
    let services = |arguments: &[&str]| {
        let printed = json(&project.prints(&[&["config", "--format=json"], arguments].concat()));
        printed["services"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(services(&["db"]), ["db"]);
    assert_eq!(services(&["web"]), ["db", "web"]);
    assert_eq!(services(&["tool"]), ["tool"]);
    assert!(project.fails(&["config", "wbe"]).contains("wbe"));
}

#[test]
fn each_list_is_printed_one_a_line() {
    let project = shop("lists");
    let check =
        |arguments: &[&str], expected: &str| assert_eq!(project.prints(&[&["--all-resources", "config"], arguments].concat()), expected);
    check(&["--services"], "db\nweb\n");
    check(&["--volumes"], "data\n");
    check(&["--networks"], "front\ndefault\n");
    check(&["--models"], "ai/smollm2\n");
    check(&["--profiles"], "admin\ndebug\n");
    check(&["--images"], "nginx:1\npostgres\n");
    check(&["--images", "db"], "postgres\n");
    check(&["--services", "--volumes", "db"], "db\nweb\n");
    assert_eq!(project.prints(&["--profile", "debug", "config", "--images"]), "nginx:1\npostgres\nlists-tool\n");
}

#[test]
fn variables_are_listed_with_what_the_files_say_of_them() {
    let project = Project::new(
        "variables",
        &[(
            "compose.yaml",
            "services: {web: {image: \"nginx:${TAG:-1.27}\", hostname: \"$HOST\", user: \"${NAME:?who}\", working_dir: \"${DIR:+/srv}\"}}\n",
        )],
    );
    assert_eq!(
        project.prints(&["config", "--variables"]),
        "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n\
         DIR                 false                                   /srv\n\
         HOST                false                                   \n\
         NAME                true                                    \n\
         TAG                 false               1.27                \n"
    );
    let listed = json(&project.prints(&["config", "--variables", "--format=json"]));
    assert_eq!(listed["TAG"], serde_json::json!({"Name": "TAG", "DefaultValue": "1.27", "PresenceValue": "", "Required": false}));
    let listed: Value = serde_yaml::from_str(&project.prints(&["config", "--variables", "--format=yaml"])).unwrap();
    assert_eq!(listed["NAME"]["required"], true);
}

#[test]
fn the_environment_is_what_interpolation_takes_values_from() {
    let project = Project::new("environment", &[("compose.yaml", "services: {web: {image: nginx}}\n"), (".env", "B=file\nA=file\n")]);
    let output = project.run_with(&["-p", "shop", "config", "--environment"], "", &[("A", "shell"), ("PATH", "/bin")]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "A=shell\nB=file\nCOMPOSE_PROJECT_NAME=shop\nPATH=/bin\n");
}

#[test]
fn a_hash_changes_with_its_service_and_with_nothing_else() {
    let hashes = |name: &str, text: &str, arguments: &[&str]| {
        let project = Project::new(name, &[("compose.yaml", text)]);
        project.prints(&[&["-p", "shop", "config", "--hash"], arguments].concat())
    };
    let text = "services: {web: {image: nginx, environment: {A: '1', B: '2'}}, db: {image: postgres}}\n";
    let all = hashes("hash", text, &["*"]);
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("db ") && lines[1].starts_with("web "), "{all}");
    assert!(lines.iter().all(|line| line.split_once(' ').unwrap().1.len() == 64), "{all}");
    assert_eq!(hashes("hash-one", text, &["web"]), format!("{}\n", lines[1]));
    let reordered = "services: {db: {image: postgres}, web: {environment: [B=2, A=1], image: nginx, scale: 3, depends_on: [db], build: ., pull_policy: always, deploy: {}}}\n";
    let other = hashes("hash-other", reordered, &["db,web"]);
    assert_eq!(other.lines().next(), Some(lines[0]));
    let changed = hashes("hash-changed", &text.replace("nginx", "httpd"), &["*"]);
    assert!(changed.starts_with(lines[0]) && !changed.contains(lines[1]), "{changed}");
    let project = Project::new("hash-unknown", &[("compose.yaml", text)]);
    assert!(project.fails(&["config", "--hash", "wbe"]).contains("no such service: wbe"));
}

#[test]
fn a_hash_is_that_of_the_container_with_its_env_files_and_platform() {
    let text = |service: &str| format!("services: {{web: {{{service}}}, broken: {{image: x, env_file: [none.env]}}}}\n");
    let hash = |name: &str, service: &str, variables: &[(&str, &str)]| {
        let project = Project::new(name, &[("compose.yaml", &text(service)), ("web.env", "A=1\n")]);
        let output = project.run_with(&["-p", "shop", "config", "--hash", "web"], "", variables);
        String::from_utf8(if output.status.success() { output.stdout } else { output.stderr }).unwrap()
    };
    let plain = hash("hash-env", "image: nginx, environment: {A: '1'}", &[]);
    assert!(plain.starts_with("web "), "{plain}");
    assert_eq!(hash("hash-env-file", "image: nginx, env_file: [web.env]", &[]), plain);
    let platform = [("DOCKER_DEFAULT_PLATFORM", "linux/arm64")];
    assert_eq!(hash("hash-default", "image: x, build: .", &platform), hash("hash-own", "image: x, build: ., platform: linux/arm64", &[]));
    assert_eq!(hash("hash-pulled", "image: x", &platform), hash("hash-none", "image: x", &[]));
    let refused = hash("hash-platform", "image: x, build: {context: ., platforms: [linux/amd64]}", &platform);
    assert!(refused.contains("is not built for platform linux/arm64"), "{refused}");
}

#[test]
fn images_of_steps_and_profiles_of_broken_inactive_services_are_listed_too() {
    let text = "services:
  web: {image: nginx, pre_start: [{image: migrate, command: [up]}, {command: [check]}]}
  tool: {image: tool, profiles: [debug], depends_on: [nowhere]}
jobs: {nightly: {image: backup, triggers: {manual: true}}}
";
    let project = Project::new("steps", &[("compose.yaml", text)]);
    assert_eq!(project.prints(&["config", "--images"]), "nginx\nmigrate\nbackup\n");
    assert_eq!(project.prints(&["config", "--profiles"]), "debug\n");
}

#[test]
fn quiet_only_checks() {
    let project = shop("quiet");
    assert_eq!(project.prints(&["config", "-q"]), "");
    assert_eq!(project.prints(&["config", "--quiet", "--services"]), "");
    assert!(Project::new("quiet-wrong", &[("compose.yaml", "services: {web: {}}\n")]).fails(&["config", "-q"]).contains("services.web"));
}

#[test]
fn the_output_goes_to_a_file_where_one_is_named() {
    let project = shop("output");
    let printed = project.prints(&["config"]);
    assert_eq!(project.prints(&["config", "-o", "out.yaml"]), "");
    assert_eq!(fs::read_to_string(project.0.join("out.yaml")).unwrap(), printed);
}

#[test]
fn passes_can_be_left_out_one_by_one() {
    let text = "services: {web: {image: \"nginx:$TAG\", env_file: [web.env], volumes: [\"./a:/a\"], networks: [front]}}\n";
    let project = Project::new("passes", &[("compose.yaml", text), (".env", "TAG=1\n"), ("web.env", "A=1\n")]);
    assert!(project.fails(&["config"]).contains("front"));
    let printed = |flags: &[&str]| {
        json(&project.prints(&[&["config", "--format=json", "--no-consistency"], flags].concat()))["services"]["web"].clone()
    };
    let web = printed(&[]);
    assert_eq!((&web["image"], &web["environment"]["A"], &web["env_file"]), (&"nginx:1".into(), &"1".into(), &Value::Null));
    assert!(web["volumes"][0]["source"].as_str().unwrap().starts_with('/'));
    assert_eq!(printed(&["--no-interpolate"])["image"], "nginx:$TAG");
    assert_eq!(printed(&["--no-path-resolution"])["volumes"][0]["source"], "./a");
    let unresolved = printed(&["--no-env-resolution"]);
    assert_eq!(unresolved["environment"], Value::Null);
    assert!(unresolved["env_file"][0]["path"].as_str().unwrap().ends_with("web.env"));
    let plain = json(&project.prints(&["config", "--format=json", "--no-consistency", "--no-normalize"]));
    assert_eq!(plain["networks"], Value::Null);
}

#[test]
fn digests_are_refused_with_what_to_write_instead() {
    for flag in ["--resolve-image-digests", "--lock-image-digests"] {
        assert!(shop(&flag[2..]).fails(&["config", flag]).contains("image@sha256:"));
    }
}

#[test]
fn what_is_printed_can_be_read_again_and_prints_the_same() {
    let project = Project::new("again", &[("compose.yaml", "services: {web: {image: nginx, command: echo $$HOME, ports: ['8080:80']}}\n")]);
    let printed = project.prints(&["config"]);
    let again = project.run(&["-f", "-", "config"], &printed);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), printed);
}

#[test]
fn warnings_go_to_standard_error_and_the_project_to_standard_output() {
    let project = Project::new("warnings", &[("compose.yaml", "version: '3'\nservices: {web: {image: \"nginx:$TAG\"}}\n")]);
    let output = project.run(&["config"], "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("version: has no effect any more") && said.contains("TAG"), "{said}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("version"));
}
