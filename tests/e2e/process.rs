//! What a process finds when it starts: its words, its variables, its user, its terminal, its limits.

use compose_operator::api::ComposeStack;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use crate::support::Space;

/// Texts that something on their way could take for its own.
const TRAPS: &[&str] = &[
    "$HOME",
    "$$HOME",
    "$$$",
    "$(HOSTNAME)",
    "$$(HOSTNAME)",
    "${HOME}",
    "`id`",
    "two words",
    " spaces around ",
    "'single' \"double\"",
    r"back\slash \n",
    "two\nlines\n",
    "a\ttab",
    "é 日本語 🐳",
    "a=b, c: d # e",
    "%s %%",
    "*",
    "true",
    "",
];

/// The text as a Compose file has it: a dollar is written twice.
fn written(text: &str) -> Value {
    json!(text.replace('$', "$$"))
}

/// Runs one service of these attributes, until it is ready.
async fn run(topic: &str, service: Value) -> Space {
    let space = Space::open(topic).await;
    let mut all = json!({"image": "busybox", "command": "sleep infinity", "stop_grace_period": "1s"});
    all.as_object_mut().unwrap().extend(service.as_object().unwrap().clone());
    space
        .create_spec(
            "shop",
            json!({"compose": json!({"services": {"web": all}}).to_string(), "files": {"web.env": ENV_FILE, "raw.env": RAW_FILE}}),
        )
        .await;
    space.ready("shop").await;
    space
}

/// A `/proc/…` file of words that end with NUL.
async fn words(space: &Space, file: &str) -> Vec<String> {
    let text = space.sh("web", &format!("cat {file}")).await;
    let mut words: Vec<String> = text.split('\0').map(str::to_owned).collect();
    words.pop();
    words
}

#[tokio::test]
async fn variables_arrive_byte_for_byte() {
    let environment: serde_json::Map<String, Value> =
        TRAPS.iter().enumerate().map(|(index, text)| (format!("TRAP_{index}"), written(text))).collect();
    let mut environment = Value::Object(environment);
    environment["dots.and-dashes"] = json!("1");
    let space = run("variables", json!({"environment": environment})).await;
    let found = words(&space, "/proc/1/environ").await;
    for (index, text) in TRAPS.iter().enumerate() {
        assert!(found.contains(&format!("TRAP_{index}={text}")), "{text:?} is not among {found:?}");
    }
    assert!(found.contains(&"dots.and-dashes=1".to_owned()));
    space.close().await;
}

const ENV_FILE: &str = r#"# a comment
PLAIN=a b # and a comment
QUOTED="tab\there, $$HOME and $${HOME}"
LITERAL='$HOME $(HOSTNAME) "quoted" \n'
TWO_LINES="one
two"
export EXPORTED=é日本
EMPTY=
BOTH=file
"#;
const RAW_FILE: &str = "RAW=\"$HOME\" $$ $(HOSTNAME) # all of it\n";

#[tokio::test]
async fn variables_of_a_file_arrive_and_the_services_own_win() {
    let files = json!(["web.env", {"path": "raw.env", "format": "raw"}]);
    let space = run("env-file", json!({"env_file": files, "environment": {"BOTH": "service"}})).await;
    let found = words(&space, "/proc/1/environ").await;
    for expected in [
        "PLAIN=a b",
        "QUOTED=tab\there, $HOME and ${HOME}",
        r#"LITERAL=$HOME $(HOSTNAME) "quoted" \n"#,
        "TWO_LINES=one\ntwo",
        "EXPORTED=é日本",
        "EMPTY=",
        "BOTH=service",
        r#"RAW="$HOME" $$ $(HOSTNAME) # all of it"#,
    ] {
        assert!(found.iter().any(|found| found == expected), "{expected:?} is not among {found:?}");
    }
    space.close().await;
}

#[tokio::test]
async fn entrypoint_and_command_arrive_byte_for_byte() {
    let command: Vec<Value> = TRAPS.iter().map(|text| written(text)).collect();
    let entrypoint = json!(["sh", "-c", "trap exit TERM; sleep infinity & wait", "$$0 $$(HOSTNAME)"]);
    let space = run("words", json!({"entrypoint": entrypoint, "command": command, "environment": {"HOSTNAME": "wrong"}})).await;
    let found = words(&space, "/proc/1/cmdline").await;
    assert_eq!(found[..4], ["sh", "-c", "trap exit TERM; sleep infinity & wait", "$0 $(HOSTNAME)"]);
    assert_eq!(found[4..], *TRAPS);
    space.close().await;
}

#[tokio::test]
async fn values_that_a_secret_gives_arrive_byte_for_byte_and_stand_in_no_pod() {
    let space = Space::open("tainted").await;
    let secret = "s3cret $HOME $$ $(HOSTNAME) ${HOME} 'single' \"double\" back\\slash\ntwo é日本";
    space.make::<Secret>(json!({"metadata": {"name": "values"}, "stringData": {"PASSWORD": secret}})).await;
    let web = json!({
        "image": "busybox",
        "environment": {"PLAIN": "${PASSWORD}", "URL": "db://me:${PASSWORD}@db $$HOME"},
        "command": ["sh", "-c", "trap exit TERM; sleep infinity & wait", "name", "${PASSWORD}", "--password=${PASSWORD} $$HOME"],
        "configs": ["settings"],
    });
    let file = json!({"services": {"web": web}, "configs": {"settings": {"content": "password=${PASSWORD}"}}});
    space.create_spec("shop", json!({"compose": file.to_string(), "variablesFrom": [{"secret": {"name": "values"}}]})).await;
    space.ready("shop").await;
    let found = words(&space, "/proc/1/environ").await;
    for expected in [format!("PLAIN={secret}"), format!("URL=db://me:{secret}@db $HOME")] {
        assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
    }
    assert_eq!(words(&space, "/proc/1/cmdline").await[4..], [secret.to_owned(), format!("--password={secret} $HOME")]);
    assert_eq!(space.sh("web", "cat /settings").await, format!("password={secret}"));
    let pod = serde_json::to_string(&space.pod("web").await).unwrap();
    let stack = serde_json::to_string(&space.list::<ComposeStack>().await).unwrap();
    assert!(!pod.contains("s3cret") && !stack.contains("s3cret"));
    space.close().await;
}

#[tokio::test]
async fn a_command_of_one_string_is_split_as_a_shell_would() {
    let command = r#"sh -c 'trap exit TERM; sleep infinity & wait' "two words" 'it''s' back\ slash $$HOME"#;
    let space = run("split", json!({"command": command})).await;
    assert_eq!(words(&space, "/proc/1/cmdline").await[3..], ["two words", "its", "back slash", "$HOME"]);
    space.close().await;
}

#[tokio::test]
async fn a_healthchecks_words_arrive_byte_for_byte() {
    let script = "printf '%s|' \"$@\" >/tmp/new && mv /tmp/new /tmp/seen";
    let test: Vec<Value> = ["CMD", "sh", "-c", script, "name"].iter().chain(TRAPS).map(|text| written(text)).collect();
    let space = run("healthcheck", json!({"healthcheck": {"test": test, "interval": "1s"}})).await;
    let seen = space.sh("web", "cat /tmp/seen").await;
    assert_eq!(seen, TRAPS.iter().flat_map(|text| [*text, "|"]).collect::<String>());
    space.close().await;
}

#[tokio::test]
async fn a_healthchecks_shell_sees_the_containers_variables() {
    let test = "test \"$$GREETING\" = 'it is $$5' &&\n printf '%s|' \"$$GREETING\" '$$HOME $$$$ $$(HOSTNAME) `é`' $$(echo 日本) \\\n >/tmp/new && mv /tmp/new /tmp/seen";
    let space = run("shell", json!({"healthcheck": {"test": test, "interval": "1s"}, "environment": {"GREETING": "it is $$5"}})).await;
    assert_eq!(space.sh("web", "cat /tmp/seen").await, "it is $5|$HOME $$ $(HOSTNAME) `é`|日本|");
    space.close().await;
}

#[tokio::test]
async fn the_words_of_a_step_after_start_arrive_byte_for_byte() {
    let script = "printf '%s|' \"$@\" >/tmp/seen";
    let command: Vec<Value> = ["sh", "-c", script, "name"].iter().chain(TRAPS).map(|text| written(text)).collect();
    let steps = json!([
        {"command": command},
        {"command": ["sh", "-c", "echo \"$$PWD $$A\" >/tmp/where"], "working_dir": "/var", "environment": {"A": "$$(B) 'c'"}},
    ]);
    let space = run("post-start", json!({"post_start": steps})).await;
    assert_eq!(space.sh_until("web", "cat /tmp/seen").await, TRAPS.iter().flat_map(|text| [*text, "|"]).collect::<String>());
    assert_eq!(space.sh_until("web", "cat /tmp/where").await, "/var $(B) 'c'\n");
    space.close().await;
}

#[tokio::test]
async fn a_terminal_and_an_open_input() {
    let space = Space::open("tty").await;
    let file = r"
services:
  terminal: {image: busybox, command: sh, tty: true, stdin_open: true}
  input: {image: debian, command: cat, stdin_open: true, init: true}
  neither: {image: debian, command: sleep infinity, init: true}
";
    space.create("shop", file).await;
    space.ready("shop").await;
    space.sh("terminal", "readlink /proc/1/fd/0 | grep pts").await;
    let input = space.sh_until("input", "readlink /proc/$(pgrep -o cat)/fd/0").await;
    assert!(input.starts_with("pipe:"), "{input}");
    assert_eq!(space.restarts("input").await, 0, "cat waits for input that may come");
    assert_eq!(space.sh_until("neither", "readlink /proc/$(pgrep -o sleep)/fd/0").await, "/dev/null\n");
    space.close().await;
}

#[tokio::test]
async fn users_groups_and_directories() {
    let service = json!({"user": "1000:2000", "group_add": ["3000"], "working_dir": "/var", "hostname": "box"});
    let space = run("users", service).await;
    let found = space.sh("web", "id -u; id -g; id -G; readlink /proc/1/cwd; hostname").await;
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3], lines[4]), ("1000", "2000", "/var", "box"));
    assert!(lines[2].split(' ').any(|group| group == "3000"), "{found}");
    space.close().await;

    // The image's own user is nobody's business, and `root` is 0 everywhere.
    let space = run("root", json!({"user": "root:root"})).await;
    assert_eq!(space.sh("web", "id -u; id -g").await, "0\n0\n");
    space.close().await;
}

#[tokio::test]
async fn a_file_system_that_is_read_only_but_for_its_tmpfs() {
    let space = run("read-only", json!({"read_only": true, "tmpfs": ["/run:size=1m"], "shm_size": "8m"})).await;
    assert!(space.try_sh("web", "echo > /file").await.unwrap_err().contains("Read-only file system"));
    space.sh("web", "echo > /run/file").await;
    let full = space.try_sh("web", "dd if=/dev/zero of=/run/big bs=1k count=2048").await;
    assert!(full.unwrap_err().contains("No space left"), "no more than its size");
    let size = space.sh("web", "df -k /dev/shm | tail -1").await;
    assert!(size.split_whitespace().any(|word| word == "8192"), "/dev/shm: {size}");
    assert_eq!(space.sh("web", "stat -c %a /dev/shm").await, "1777\n");
    space.close().await;
}

#[tokio::test]
async fn capabilities_and_ports_below_1024() {
    let space =
        run("capabilities", json!({"cap_drop": ["ALL"], "cap_add": ["NET_BIND_SERVICE"], "security_opt": ["no-new-privileges"]})).await;
    let status = space.sh("web", "cat /proc/1/status").await;
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim).unwrap();
    assert_eq!((value("CapEff:"), value("NoNewPrivs:")), ("0000000000000400", "1"));
    space.close().await;

    let space = run("port-80", json!({"user": "1000", "command": "httpd -f -p 80 -h /etc", "expose": [80]})).await;
    space.sh_until("web", "wget -q -O - http://web/passwd").await;
    space.close().await;
}

#[tokio::test]
async fn lines_of_extra_hosts_and_options_of_dns() {
    let space = run("hosts", json!({"extra_hosts": ["other=10.1.2.3"], "dns_search": ["example.com"], "dns_opt": ["ndots:3"]})).await;
    let found = space.sh("web", "cat /etc/hosts /etc/resolv.conf").await;
    assert!(found.lines().any(|line| line.split_whitespace().eq(["10.1.2.3", "other"])), "{found}");
    assert!(found.contains("example.com") && found.contains("ndots:3"), "{found}");
    space.close().await;
}

#[tokio::test]
async fn limits_of_memory_are_the_bytes_that_are_written() {
    let space = run("memory", json!({"mem_limit": "50M"})).await;
    let limit = space.sh("web", "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes").await;
    assert_eq!(limit.trim(), (50 << 20).to_string());
    space.close().await;
}
