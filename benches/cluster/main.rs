//! `make bench-cluster`: what the operator costs a cluster that runs many stacks (`STACKS=100`), beside a bare client that writes the same objects in the
//! same run. Each phase has a control plane of its own. Ends with a table, and exits 1 where a goal is missed.
//!
//! The stack is the smallest that has most of everything: three services on two networks, a claim, a config and a secret, which become 11 objects.
//! Times are those of the wall and count only as ratios: bare client and operator take turns (A B B A). CPU time and memory are the operator's own,
//! from /proc; requests are counted in the API server's audit log.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::expect_used)]
#![allow(clippy::cast_precision_loss, reason = "for reading")]
// Each is made once.
#![allow(clippy::large_futures)]

mod floor;
mod process;
mod repair;
mod requests;
mod stack;
mod stage;

use std::time::{Duration, Instant};

use process::Usage;
use requests::Requests;
use stage::{Made, Stage};

/// How long the operator is watched while nothing happens.
const STEADY: Duration = Duration::from_secs(20);
/// Without a write for so long, it has nothing left to write.
const QUIET: Duration = Duration::from_secs(3);
/// Drifts and deletions that are repaired.
const REPAIRS: usize = 25;

/// What a phase with the operator has shown.
struct Shown {
    made: Made,
    idle: Usage,
    converged: Usage,
    requests: Requests,
    later: Option<Later>,
}

/// What happens to stacks that are there.
struct Later {
    steady: Usage,
    steady_writes: usize,
    changed: Vec<Duration>,
    deleted: Vec<Duration>,
    restart: Duration,
    restarted: Usage,
    restart_writes: usize,
}

/// One line of the table.
struct Row {
    measure: String,
    figure: String,
    goal: String,
    is_met: bool,
}

fn main() {
    let setting = |name: &str, default| std::env::var(name).map_or(default, |value| value.parse().expect(name));
    let (count, rounds) = (setting("STACKS", 100), setting("ROUNDS", 2));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(measure(count, rounds));
    println!("\n| {count} stacks | figure | goal |\n|---|---|---|");
    for row in &rows {
        println!("| {} | {}{} | {} |", row.measure, row.figure, if row.is_met { "" } else { " **" }, row.goal);
    }
    if rows.iter().all(|row| row.is_met) {
        println!("\nevery goal is met");
    } else {
        println!("\n** a goal is missed");
        std::process::exit(1);
    }
}

async fn measure(count: usize, rounds: usize) -> Vec<Row> {
    let (mut bare, mut shown) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let last = round + 1 == rounds;
        bare.push(without_operator(count).await);
        shown.push(with_operator(count, false).await);
        shown.push(with_operator(count, last).await);
        bare.push(without_operator(count).await);
    }
    rows(count, &bare, &shown)
}

async fn without_operator(count: usize) -> Made {
    let stage = Stage::start(count).await;
    stage.make_namespaces(count).await;
    let made = floor::write(&stage, count).await;
    eprintln!("bare client: written in {:.2} s, available in {:.2} s", made.written.as_secs_f64(), made.available.as_secs_f64());
    made
}

async fn with_operator(count: usize, with_more: bool) -> Shown {
    let stage = Stage::start(count).await;
    let mut log = stage.audit();
    let operator = stage.operator();
    // The first stack shows that it works.
    stage.make_stack("first").await;
    stage.until_ready(1).await;
    let idle = Usage::of(&operator);
    stage.make_namespaces(count).await;
    log.read().unwrap();
    let made = stage.make_stacks(count, &mut log).await;
    let converged = Usage::of(&operator);
    eprintln!("operator: written in {:.2} s, Ready in {:.2} s", made.written.as_secs_f64(), made.available.as_secs_f64());
    let requests = Requests::count(&made.events);
    let later = if with_more { Some(later(&stage, operator, count).await) } else { None };
    Shown { made, idle, converged, requests, later }
}

async fn later(stage: &Stage, operator: devcluster::Companion, count: usize) -> Later {
    let mut log = stage.audit();
    log.read().unwrap();
    let before = Usage::of(&operator);
    tokio::time::sleep(STEADY).await;
    let steady = Usage::of(&operator).since(&before);
    let steady_writes = Requests::count(&log.read().unwrap()).writes();
    let changed = repair::of_changes(stage, REPAIRS.min(count)).await;
    let deleted = repair::of_deletions(stage, REPAIRS.min(count)).await;
    // What the repairs have left to say is said.
    until_quiet(&mut log).await;
    drop(operator);

    // A stack that was made meanwhile is done when the operator has caught up with all others.
    stage.make_stack("last").await;
    log.read().unwrap();
    let begin = Instant::now();
    let operator = stage.operator();
    stage.until_written("last").await;
    let restart = begin.elapsed();
    stage.until_ready(count + 2).await;
    let restarted = Usage::of(&operator);
    let written = log.read().unwrap();
    let restart_writes = Requests::count(written.iter().filter(|event| event.namespace() != "last")).writes();
    Later { steady, steady_writes, changed, deleted, restart, restarted, restart_writes }
}

/// Waits until the operator has written nothing for a while.
async fn until_quiet(log: &mut devcluster::AuditLog) {
    loop {
        tokio::time::sleep(QUIET).await;
        if Requests::count(&log.read().unwrap()).writes() == 0 {
            return;
        }
    }
}

fn rows(count: usize, bare: &[Made], shown: &[Shown]) -> Vec<Row> {
    let ratio = |of: fn(&Made) -> Duration| {
        let (ours, floor) = (median(shown.iter().map(|shown| of(&shown.made))), median(bare.iter().map(of)));
        (ours.as_secs_f64() / floor.as_secs_f64(), ours, floor)
    };
    let mut rows = Vec::new();
    let mut row = |measure: &str, figure: String, goal: &str, is_met: bool| {
        rows.push(Row { measure: measure.to_owned(), figure, goal: goal.to_owned(), is_met });
    };
    let times = |(ratio, ours, floor): (f64, Duration, Duration)| {
        format!("{ratio:.2} times the bare client ({:.2} s, {:.2} s)", ours.as_secs_f64(), floor.as_secs_f64())
    };
    let (written, available) = (ratio(|made| made.written), ratio(|made| made.available));
    row("first stack made → last object written", times(written), "1.15 times", written.0 <= 1.15);
    row("first stack made → last stack Ready", times(available), "1.10 times", available.0 <= 1.10);
    let per_stack = |total: f64| total / count as f64;
    let cpu = median(shown.iter().map(|shown| shown.converged.since(&shown.idle).cpu)).as_secs_f64() * 1000.0;
    row("CPU time per converged stack", format!("{:.1} ms", per_stack(cpu)), "4 ms", per_stack(cpu) <= 4.0);
    let idle = shown.iter().map(|shown| shown.idle.resident).max().unwrap_or_default();
    row("memory with one stack", mebibytes(idle), "16 MiB", idle <= 16 << 20);
    let full = shown.iter().map(|shown| shown.converged.resident).max().unwrap_or_default();
    // Between 16 MiB without and 45 MiB with 1,000 of them.
    let most = (16 << 20) + count as u64 * (29 << 20) / 1000;
    row("memory with all", mebibytes(full), &mebibytes(most), full <= most);
    let last = shown.last().unwrap();
    row("writes per stack: objects", format!("{:.2}", per_stack(last.requests.objects as f64)), "11", last.requests.objects == 11 * count);
    let status = per_stack(last.requests.status as f64);
    row("writes per stack: status", format!("{status:.2}"), "3", status <= 3.0);
    let events = per_stack(last.requests.events as f64);
    row("writes per stack: Events", format!("{events:.2}"), "5", events <= 5.0);
    let Some(later) = &last.later else { return rows };
    let share = later.steady.cpu.as_secs_f64() / STEADY.as_secs_f64() * 100.0;
    row("steady state: share of a core", format!("{share:.2} %"), "0.1 %", share <= 0.1);
    row("steady state: writes", later.steady_writes.to_string(), "0", later.steady_writes == 0);
    for (measure, times) in [("a changed field is put back", &later.changed), ("a deleted object is made again", &later.deleted)] {
        let (half, most) = (median(times.iter().copied()), times.iter().max().copied().unwrap_or_default());
        let is_met = half <= Duration::from_millis(50) && most <= Duration::from_millis(500);
        row(measure, format!("p50 {} ms, all {} ms", half.as_millis(), most.as_millis()), "p50 50 ms, p99 500 ms", is_met);
    }
    let restart = later.restart;
    row("restart: caught up", format!("{:.2} s", restart.as_secs_f64()), "1.5 s", restart <= Duration::from_millis(1500));
    row("restart: writes", later.restart_writes.to_string(), "0", later.restart_writes == 0);
    row("restart: memory", mebibytes(later.restarted.resident), &mebibytes(most), later.restarted.resident <= most);
    rows
}

fn median(values: impl Iterator<Item = Duration>) -> Duration {
    let mut values: Vec<Duration> = values.collect();
    values.sort();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
