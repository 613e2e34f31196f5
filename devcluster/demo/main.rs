//! `make demo`: a control plane, the operator on it under the chart's rights, and every stack of `examples/`, live.
//!
//! `DEMO=once` ends when all stacks are as they should be, with an error if one isn't in time. Where pods are containers (`NODE=real`), their
//! published ports are asked then, and have to answer. `TEST_CLUSTER=current` does the same on the
//! cluster of the current kubeconfig, and takes away at the end what it has made there.

mod answers;
mod cost;
mod install;
mod ports;
mod screen;
mod stacks;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use compose_operator::api::ComposeStack;
use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::time::{Instant, MissedTickBehavior};

use devcluster::Companion;
use install::Stage;
use screen::Screen;
use stacks::{Example, Followed};

/// Time that a stack has to become what it should.
const IN_TIME: Duration = Duration::from_mins(2);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Yaml(#[from] serde_yaml::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Kube(#[from] kube::Error),
    #[error(transparent)]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error(transparent)]
    Devcluster(#[from] devcluster::Error),
    #[error("{0}")]
    Text(String),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("demo: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                eprintln!("  {error}");
                source = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let once = std::env::var("DEMO").is_ok_and(|value| value == "once");
    let examples = stacks::read(&root.join("examples"))?;
    let mut stage = tokio::select! {
        stage = Stage::start() => stage?,
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::FAILURE),
    };
    let result = tokio::select! {
        result = show(&mut stage, &examples, root, once) => result,
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
    };
    screen::say("\nEnding, with everything that the demo has started.")?;
    stage.clear().await?;
    result
}

async fn show(stage: &mut Stage, examples: &[Example], root: &Path, once: bool) -> Result<ExitCode, Error> {
    screen::say("Installing the ComposeStack resource and the rights that the chart gives the operator.")?;
    let kubeconfig = stage.install(root).await?;
    let log = log_file()?;
    screen::say(&format!("Running the operator; its log is {}\n", log.display()))?;
    let mut operator = install::operator(&kubeconfig, &log)?;
    stage.make_room(examples).await?;
    follow(stage, &mut operator, examples, once).await
}

/// Applies the stacks and shows them until all are as they should be or out of time, then sums up; goes on for ever unless `once`.
async fn follow(stage: &Stage, operator: &mut Companion, examples: &[Example], once: bool) -> Result<ExitCode, Error> {
    let mut screen = Screen::new();
    let mut stacks: Vec<Followed> = examples.iter().map(Followed::new).collect();
    let mut next = 0;
    let mut applying = std::pin::pin!(futures::stream::iter(examples).then(|example| stage.apply(example)));
    let api = Api::<ComposeStack>::all(stage.client().clone());
    let mut changes = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff().applied_objects());
    let deadline = Instant::now() + IN_TIME;
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut summed_up = false;
    loop {
        // One after the other: while one is being applied, its time runs.
        if let Some(stack) = stacks.get_mut(next) {
            stack.applied.get_or_insert_with(Instant::now);
        }
        tokio::select! {
            Some(change) = changes.next() => {
                let Ok(live) = change else { continue };
                let same = |stack: &&mut Followed| Some(&stack.namespace) == live.namespace().as_ref() && stack.name == live.name_any();
                if let Some(stack) = stacks.iter_mut().find(same) {
                    stack.observe(live);
                    screen.show(&stacks)?;
                }
            }
            Some(applied) = applying.next() => {
                applied?;
                next += 1;
            }
            _ = clock.tick() => if let Some(status) = operator.ended() {
                return Err(Error::Text(format!("the operator ended: {status}")));
            },
        }
        let done = stacks.iter().all(|stack| stack.took.is_some());
        if !summed_up && (done || Instant::now() > deadline) {
            for (namespace, writes) in stage.writes()? {
                if let Some(stack) = stacks.iter_mut().find(|stack| stack.namespace == namespace) {
                    stack.writes = Some(writes);
                }
            }
            screen.only_tell(&stacks);
            ports::ask(&mut stacks, &stage.node_address().await?).await;
            let answered = stacks.iter().flat_map(|stack| stack.answers.values()).all(|answer| answer.is_as_expected());
            screen::say(&screen::summary(&stacks, cost::resident(operator.id()), stage.alias().as_deref()))?;
            if once {
                return Ok(if done && answered { ExitCode::SUCCESS } else { ExitCode::FAILURE });
            }
            screen::say("The cluster and the operator stay up until Ctrl-C. Changes of the stacks are told below.\n")?;
            summed_up = true;
        }
    }
}

fn log_file() -> Result<PathBuf, Error> {
    let executable = std::env::current_exe()?;
    let target = executable.ancestors().nth(3).ok_or_else(|| Error::Text("the demo runs from cargo's target directory".to_owned()))?;
    Ok(target.join("demo-operator.log"))
}
