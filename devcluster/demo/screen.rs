//! What the viewer sees: a table that is drawn anew at every change on a terminal, else a line at every change.

use std::io::{self, IsTerminal, Write};

use compose_operator::api::keys::condition;
use tokio::time::Instant;

use crate::stacks::Followed;

/// Says one thing.
pub fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// Standard output, and what stands there already.
pub struct Screen {
    terminal: bool,
    started: Instant,
    /// Lines of the table that was drawn last.
    drawn: usize,
    /// The last line of each stack, where there is no terminal.
    told: Vec<String>,
}

impl Screen {
    pub fn new() -> Self {
        Self { terminal: io::stdout().is_terminal(), started: Instant::now(), drawn: 0, told: Vec::new() }
    }

    /// Shows where the stacks stand now.
    pub fn show(&mut self, stacks: &[Followed]) -> io::Result<()> {
        if self.terminal { self.draw(stacks) } else { self.tell(stacks) }
    }

    /// From now on tells changes only, from how the stacks stand now.
    pub fn only_tell(&mut self, stacks: &[Followed]) {
        self.terminal = false;
        self.told = stacks.iter().map(line).collect();
    }

    fn draw(&mut self, stacks: &[Followed]) -> io::Result<()> {
        let mut lines = vec![format!("{:<24} {:<6} {:<9} {:<16} {:>6}  ", "STACK", "READY", "SERVICES", "STATUS", "TIME")];
        lines.extend(stacks.iter().map(line));
        let mut out = io::stdout().lock();
        if self.drawn > 0 {
            write!(out, "\x1b[{}A", self.drawn)?;
        }
        // No wrapping meanwhile: a line that is too long is cut by the terminal, so that lines can be counted.
        write!(out, "\x1b[?7l\x1b[J")?;
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        write!(out, "\x1b[?7h")?;
        self.drawn = lines.len();
        out.flush()
    }

    fn tell(&mut self, stacks: &[Followed]) -> io::Result<()> {
        self.told.resize(stacks.len(), String::new());
        let mut out = io::stdout().lock();
        for (stack, told) in stacks.iter().zip(&mut self.told) {
            let now = line(stack);
            if stack.condition(condition::READY).is_some() && *told != now {
                writeln!(out, "{:>6.1}s  {now}", self.started.elapsed().as_secs_f64())?;
                *told = now;
            }
        }
        out.flush()
    }
}

fn line(stack: &Followed) -> String {
    let (status, reason, message) = stack.condition(condition::READY).unwrap_or(("-", "-", ""));
    let took = stack.took.map_or(String::new(), |took| format!("{:.1}s", took.as_secs_f64()));
    let message = if stack.took.is_some() && !stack.refused { "" } else { message.lines().next().unwrap_or_default() };
    let expected = if stack.refused && stack.took.is_some() { "as expected: " } else { "" };
    let line = format!("{:<24} {status:<6} {:<9} {reason:<16} {took:>6}  {expected}{message}", stack.namespace, stack.summary());
    line.trim_end().to_owned()
}

/// What stands at the end, in words for somebody who sees it for the first time.
pub fn summary(stacks: &[Followed], resident: Option<f64>, alias: Option<&str>) -> String {
    let running: Vec<_> = stacks.iter().filter(|stack| !stack.refused).collect();
    let ready = running.iter().filter(|stack| stack.took.is_some()).count();
    let refused = stacks.iter().filter(|stack| stack.refused && stack.took.is_some()).count();
    let total = stacks.len() - running.len();
    let mut lines = vec![format!(
        "\n{ready} of {} Compose stacks are Ready, each in a namespace of its own; {refused} of {total} were refused, as they should be.",
        running.len()
    )];
    for stack in running {
        let (status, _, message) = stack.condition(condition::READY).unwrap_or(("Unknown", "", ""));
        lines.push(format!("\n  {}\n    READY     {status}", stack.namespace));
        lines.push(format!("    services  {}\n    made      {}", stack.services(), stack.made()));
        if !stack.published().is_empty() {
            lines.push(format!("    published {}", stack.published().join("\n              ")));
        }
        let took = stack.took.map(|took| format!("Ready after {:.1} s", took.as_secs_f64()));
        let wrote = stack.writes.map(|writes| format!("{} writes of objects, {} of status", writes.objects, writes.status));
        let cost: Vec<_> = took.into_iter().chain(wrote).collect();
        if !cost.is_empty() {
            lines.push(format!("    took      {}", cost.join("; ")));
        }
        if status != "True" {
            lines.push(format!("    because   {message}"));
        }
    }
    for stack in stacks.iter().filter(|stack| stack.refused) {
        let (_, reason, message) = stack.condition(condition::STALLED).unwrap_or(("", "not refused", ""));
        lines.push(format!("\n  {}\n    {reason}: {}", stack.namespace, beginning(message)));
    }
    if let Some(resident) = resident {
        lines.push(format!("\nThe operator takes {resident:.1} MiB of memory now."));
    }
    lines.push(next_steps(alias));
    lines.join("\n")
}

/// The first problems of a message, each on a line.
fn beginning(message: &str) -> String {
    const SHOWN: usize = 4;
    let lines: Vec<&str> = message.lines().collect();
    let shown = lines.iter().take(SHOWN).copied().collect::<Vec<_>>().join("\n    ");
    if lines.len() > SHOWN { format!("{shown}\n    … and {} lines more", lines.len() - SHOWN) } else { shown }
}

fn next_steps(alias: Option<&str>) -> String {
    let alias = alias.map(|alias| format!("\n  {alias}\n")).unwrap_or_default();
    // Pods that are containers answer.
    let ask = std::env::var("REALNODE").map(|node| {
        format!(
            "
  ask what is published (`simple-server` above has the port), from a machine beside the node
    {node} --name {} outside curl http://10.10.0.1:PORT
",
            std::env::var("REALNODE_NAME").unwrap_or_default()
        )
    });
    let ask = ask.unwrap_or_default();
    format!(
        "
Try next, in another terminal:
{alias}
  scale a service
    kubectl -n simple-server patch composestack simple-server --type merge \\
      -p '{{\"spec\":{{\"services\":{{\"simple-server\":{{\"replicas\":3}}}}}}}}'

  delete a Deployment and see it come back
    kubectl -n words delete deployment web-server
    kubectl -n words get deployments --watch

  look at who may talk to whom
    kubectl -n front-back describe networkpolicies
{ask}"
    )
}
