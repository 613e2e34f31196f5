//! Who gets through to whom, and through what is published.

use super::node::{finish, outside, until};
use super::space::Space;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    Open,
    /// There is an address, but nobody answers there in time, or it is refused.
    Closed,
    NoSuchName,
}

impl Space {
    /// What a service's container, whose image has Debian's programs, gets when it opens a connection.
    pub async fn connect(&self, client: &str, name: &str, port: u16) -> Connection {
        let script = format!(
            "getent ahostsv4 {name} >/dev/null || {{ echo no such name; exit; }}; nc -z -w 5 {name} {port} && echo open || echo closed"
        );
        match self.sh(client, &script).await.trim() {
            "open" => Connection::Open,
            "closed" => Connection::Closed,
            _ => Connection::NoSuchName,
        }
    }
}

/// The first words of a server that speaks first, as a machine beside the node gets them as soon as they are as described; of bytes that are no
/// text, a dot each.
pub async fn greeting(address: &str, words: &str) -> String {
    let place = address.replace(':', "/");
    until(&format!("{address} greets with {words}"), async || {
        let mut command = outside("bash");
        command.args(["-c", &format!("exec 3<>/dev/tcp/{place} && timeout 2 head -c 64 <&3 | tr -c '[:print:]' .")]);
        let output = finish(command).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if said.contains(words) { Ok(said) } else { Err(said) }
    })
    .await
}
