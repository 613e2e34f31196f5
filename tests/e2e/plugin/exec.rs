//! `exec`: exit codes, standard streams, terminals.

use std::process::Output;

use tokio::io::AsyncWriteExt;

use super::support::Plugin;
use crate::support::{Space, finish};

/// What a call prints of something on its standard input.
async fn fed(plugin: &Plugin, arguments: &[&str], input: Vec<u8>) -> Output {
    let mut child = plugin.command(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = async move {
        let _ = stdin.write_all(&input).await;
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    output.unwrap()
}

#[tokio::test]
async fn exec_is_the_program_with_its_streams_and_its_exit_code() {
    let space = Space::open("exec").await;
    let file = r#"
services:
  web: {image: busybox, init: true, command: sleep infinity, deploy: {replicas: 2}}
  absent: {image: "nowhere/nothing:1"}
"#;
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create("shop", file).await;
    space.sh_until("web", "true").await;
    crate::support::until("both replicas run", async || {
        let running = plugin.prints(&["ps", "-q", "web"]).await;
        if running.lines().count() == 2 { Ok(()) } else { Err(running) }
    })
    .await;

    let said = plugin.run(&["exec", "web", "sh", "-c", "echo out; echo err >&2; exit 3"]).await;
    assert_eq!((said.code, &*said.out, &*said.err), (Some(3), "out\n", "err\n"));
    assert_eq!(plugin.run(&["exec", "web", "sh", "-c", "kill -9 $$"]).await.code, Some(137));
    let place = plugin.prints(&["exec", "-w", "/etc", "-e", "A=b c", "web", "sh", "-c", "pwd; echo $A"]).await;
    assert_eq!(place, "/etc\nb c\n");
    let mut hosts = Vec::new();
    for index in ["1", "2"] {
        hosts.push(plugin.prints(&["exec", "--index", index, "web", "hostname"]).await);
    }
    assert!(hosts[0] != hosts[1], "{hosts:?}");

    let bytes: Vec<u8> = (0..4_000_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let output = fed(&plugin, &["exec", "-T", "web", "cat"], bytes.clone()).await;
    assert!(output.stdout == bytes, "{} bytes instead of {}", output.stdout.len(), bytes.len());
    // What says more than it reads has to be read meanwhile.
    let output = fed(&plugin, &["exec", "-T", "web", "xxd", "-p", "-c", "1"], bytes.clone()).await;
    assert_eq!(output.stdout.len(), 3 * bytes.len());

    let mut talker = plugin.command(&["exec", "-T", "web", "yes"]).spawn().unwrap();
    drop(talker.stdout.take());
    assert_eq!(talker.wait().await.unwrap().code(), Some(141), "nobody reads on");

    let missing = plugin.run(&["exec", "web", "nope"]).await;
    assert!(missing.code == Some(127) && missing.err.contains("executable file not found"), "{missing:?}");
    let denied = plugin.run(&["exec", "web", "/etc/passwd"]).await;
    assert!(denied.code == Some(126) && denied.err.contains("permission denied"), "{denied:?}");
    assert!(plugin.fails(&["exec", "absent", "true"]).await.starts_with("error: service absent is not running: Created"));
    assert_eq!(plugin.fails(&["exec", "nowhere", "true"]).await, "error: no such service: nowhere\n");
    assert!(plugin.fails(&["exec", "-u", "root", "web", "true"]).await.contains("--user can't be done"));

    plugin.prints(&["exec", "-d", "--index", "1", "web", "sh", "-c", "sleep 1; echo done >/tmp/done; sleep 1000"]).await;
    crate::support::until("what was detached goes on", async || {
        let said = plugin.run(&["exec", "--index", "1", "web", "cat", "/tmp/done"]).await;
        if said.out == "done\n" { Ok(()) } else { Err(said.err) }
    })
    .await;
    space.close().await;
}

#[tokio::test]
async fn on_a_terminal_exec_gives_the_program_one_of_its_size() {
    let space = Space::open("tty").await;
    let file = "services: {web: {image: busybox, init: true, command: sleep infinity}}";
    let plugin = Plugin::new(&space, "shop", &[("compose.yaml", file)]);
    space.create("shop", file).await;
    space.ready("shop").await;
    let call =
        plugin.command(&["exec", "web", "sh", "-c", "tty; until [ $(stty size | cut -d' ' -f1) -gt 0 ]; do :; done; stty size; exit 4"]);
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"));
    let call = call.as_std();
    let words: Vec<String> = std::iter::once(call.get_program()).chain(call.get_args()).map(quoted).collect();
    let line = format!("stty rows 33 cols 77; cd '{}'; {}", plugin.directory.display(), words.join(" "));
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let output = finish(script).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(4) && text.contains("/dev/pts/") && text.contains("33 77"), "{:?}: {text}", output.status);
    space.close().await;
}
