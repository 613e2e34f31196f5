//! `kubectl compose run`: a one-off container of a service.

mod one_off;
mod start;

use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::{Mutex, watch};

use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cluster::session::exec::{End, Streams};
use crate::cluster::session::pods::PodStates;

use super::containers::Container;
use super::exec::exit_code;
use super::logs::{Lines, Printer, Reader, Runs, Shared, Style};
use super::terminal::{self, BROKEN_PIPE};
use super::{INTERRUPTED, known};
use one_off::{User, Wishes};
use start::Start;

#[derive(Args, Debug, Default)]
pub struct Flags {
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The command and its arguments; default is the service's own.
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// Print the pod's name, and leave it to itself.
    #[arg(short, long)]
    pub detach: bool,
    /// Another entrypoint, words separated by blanks.
    #[arg(long, value_name = "COMMAND")]
    pub entrypoint: Option<String>,
    /// A variable, KEY=VALUE or KEY of this environment, repeatable.
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// A label of the pod, KEY=VALUE, repeatable.
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,
    /// Name of the pod.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A capability to add, repeatable.
    #[arg(long, value_name = "CAPABILITY")]
    pub cap_add: Vec<String>,
    /// A capability to drop, repeatable.
    #[arg(long, value_name = "CAPABILITY")]
    pub cap_drop: Vec<String>,
    /// No terminal, also where there is one.
    #[arg(short = 'T', long)]
    pub no_tty: bool,
    /// Keep standard input connected; false leaves it away.
    #[arg(short, long, default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub interactive: bool,
    /// Delete the pod when it has ended.
    #[arg(long)]
    pub rm: bool,
    /// The user to run as: UID or UID:GID, in numbers.
    #[arg(short, long, value_name = "USER", value_parser = one_off::user)]
    pub user: Option<User>,
    /// The directory to run in.
    #[arg(short, long, value_name = "DIRECTORY")]
    pub workdir: Option<String>,
    /// Accepted: no other service is started.
    #[arg(long)]
    pub no_deps: bool,
    /// Accepted: there is nothing to remove.
    #[arg(long)]
    pub remove_orphans: bool,
    /// Don't say what is waited for.
    #[arg(short, long)]
    pub quiet: bool,
    /// Accepted: nodes tell nobody of their pulling.
    #[arg(long)]
    pub quiet_pull: bool,
    /// Refused: nothing is built here.
    #[arg(long)]
    pub build: bool,
    /// Refused: `forward` is the way to a port.
    #[arg(short, long, value_name = "PORT")]
    pub publish: Vec<String>,
    /// Refused: the pod gets no traffic of the service.
    #[arg(short = 'P', long)]
    pub service_ports: bool,
    /// Refused: the pod gets no traffic of the service.
    #[arg(long)]
    pub use_aliases: bool,
    /// Refused: there is no directory of this machine on a node.
    #[arg(short, long, value_name = "VOLUME")]
    pub volume: Vec<String>,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

impl Flags {
    fn check(&self) -> Result<(), Error> {
        let no_traffic = "no Service leads to a one-off container; use forward with a service that runs";
        let refused = [
            (!self.publish.is_empty(), "--publish", no_traffic),
            (self.service_ports, "--service-ports", no_traffic),
            (self.use_aliases, "--use-aliases", no_traffic),
            (!self.volume.is_empty(), "--volume", "the pod has the service's volumes, and nodes have no directory of this machine"),
            (self.build, "--build", "nothing is built here; push the image to a registry that the nodes reach"),
        ];
        let found = refused.into_iter().find(|(is_asked, ..)| *is_asked);
        found.map_or(Ok(()), |(_, flag, reason)| Err(Error::Impossible { flag, reason }))
    }
}

/// Runs the container; its exit code is the verb's.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    flags.check()?;
    let target = Target::of(global, &flags.cluster, around).await?;
    let stack = target.stack().await?;
    let templates = Box::pin(target.session.templates(&target.name)).await?;
    let Some((template, container)) = one_off::template_of(&templates, &flags.service) else {
        known::check(&stack, [&flags.service])?;
        return Err(Error::NoWorkload(flags.service.clone()));
    };
    let tty = !flags.no_tty && !flags.detach && flags.interactive && terminal::is_there();
    let stdin = flags.interactive && !flags.detach;
    let split = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let own = |name: &String| around.environment.get(name).map(|value| (name.clone(), value.clone()));
    let wishes = Wishes {
        name: flags.name.as_deref(),
        command: &flags.command,
        entrypoint: flags.entrypoint.as_deref(),
        environment: flags.env.iter().filter_map(|variable| split(variable).or_else(|| own(variable))).collect(),
        labels: flags.label.iter().map(|label| split(label).unwrap_or_else(|| (label.clone(), String::new()))).collect(),
        directory: flags.workdir.as_deref(),
        user: flags.user,
        add_capabilities: &flags.cap_add,
        drop_capabilities: &flags.cap_drop,
        stdin,
        tty,
    };
    let pod = one_off::pod(&stack, template, &container, &flags.service, &wishes);
    let pod = target.session.create_pod(&pod).await?;
    let name = pod.metadata.name.clone().unwrap_or_default();
    if flags.detach {
        output::write(&format!("{name}\n"), None)?;
        return Ok(ExitCode::SUCCESS);
    }
    let one_off = OneOff { target: &target, name: &name, container: &container, quiet: flags.quiet };
    let ended = tokio::select! {
        ended = one_off.attend(Streams { stdin, tty }) => ended,
        _ = tokio::signal::ctrl_c() => {
            // Nobody can send the signal on, and nobody would look after the pod.
            target.session.delete_pod(&name).await?;
            return Ok(ExitCode::from(INTERRUPTED));
        }
    };
    if flags.rm || ended.is_err() {
        target.session.delete_pod(&name).await?;
    }
    match ended {
        // One who reads no more of it, as `head`, has seen enough.
        Err(Error::Output(output::Error::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::from(BROKEN_PIPE)),
        ended => ended.map(exit_code),
    }
}

/// A pod that was made here.
struct OneOff<'a> {
    target: &'a Target,
    name: &'a str,
    container: &'a str,
    quiet: bool,
}

impl OneOff<'_> {
    /// Connects the container to this process, until it has ended.
    async fn attend(&self, streams: Streams) -> Result<End, Error> {
        let mut states = self.target.session.pod_states(self.name);
        let pod = self.started(&mut states).await?;
        if streams.tty {
            self.show(&pod).await?;
            return self.ended(&mut states, None).await;
        }
        let (sender, reader) = self.reader(&pod);
        let input = async {
            // One that has ended meanwhile takes no input.
            if streams.stdin
                && let Ok(process) = self.target.session.attach(self.name, self.container, streams, false).await
            {
                let _ = terminal::show(process, false).await;
            }
            std::future::pending::<Infallible>().await
        };
        let output = async { tokio::try_join!(self.ended(&mut states, Some(sender)), reader.follow()) };
        tokio::select! {
            ended = output => ended.map(|(ended, ())| ended),
            never = input => match never {},
        }
    }

    /// Waits until the container has been started.
    async fn started(&self, states: &mut PodStates) -> Result<Pod, Error> {
        let mut told = None;
        while let Some(pod) = states.try_next().await? {
            let Some(pod) = pod else { break };
            match start::of(&pod, self.container) {
                Start::Done => return Ok(pod),
                Start::Impossible(reason) => return Err(Error::NotStarted { pod: self.name.to_owned(), reason }),
                Start::Pending(reason) => {
                    if reason.is_some() && reason != told && !self.quiet {
                        eprintln!("{} waits: {}", self.name, reason.as_deref().unwrap_or_default());
                    }
                    told = reason;
                }
            }
        }
        Err(Error::NotStarted { pod: self.name.to_owned(), reason: "it was deleted".to_owned() })
    }

    /// On a terminal: what was said before, and then the program itself.
    async fn show(&self, pod: &Pod) -> Result<(), Error> {
        let (sender, reader) = self.reader(pod);
        reader.once().await?;
        drop(sender);
        let streams = Streams { stdin: true, tty: true };
        if let Ok(process) = self.target.session.attach(self.name, self.container, streams, true).await {
            terminal::show(process, true).await?;
        }
        Ok(())
    }

    /// One who prints the log.
    fn reader(&self, pod: &Pod) -> (watch::Sender<Runs>, Reader<tokio::io::Stdout>) {
        let (sender, runs) = watch::channel(self.runs(pod));
        let mut printer = Printer::new(tokio::io::stdout(), Style::default());
        let source = printer.source(self.name);
        let printer: Shared<tokio::io::Stdout> = Arc::new(Mutex::new(printer));
        let reader = Reader {
            session: self.target.session.clone(),
            pod: self.name.to_owned(),
            container: self.container.to_owned(),
            lines: Lines::default(),
            tail: None,
            printer,
            source,
            runs,
        };
        (sender, reader)
    }

    fn runs(&self, pod: &Pod) -> Runs {
        let spec = pod.spec.iter().flat_map(|spec| &spec.containers).find(|own| own.name == self.container);
        let status = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        let status = status.and_then(|statuses| statuses.iter().find(|status| status.name == self.container));
        spec.map(|spec| Runs::of(&Container { service: "", pod, spec, status })).unwrap_or_default()
    }

    /// Waits for the container's end; who prints the log is told.
    async fn ended(&self, states: &mut PodStates, runs: Option<watch::Sender<Runs>>) -> Result<End, Error> {
        let tell = |pod: Option<&Pod>, is_over: bool| {
            let Some(runs) = &runs else { return };
            runs.send_modify(|runs| {
                if let Some(pod) = pod {
                    *runs = self.runs(pod);
                }
                if is_over {
                    runs.gone();
                }
            });
        };
        while let Some(pod) = states.try_next().await? {
            let Some(pod) = pod else { break };
            let end = start::end(&pod, self.container);
            tell(Some(&pod), end.is_some());
            if let Some(end) = end {
                return Ok(end);
            }
        }
        tell(None, true);
        Ok(End::Failed(format!("{} was deleted", self.name)))
    }
}
