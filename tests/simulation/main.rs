//! `decide`, the very same that the operator runs, in a model of the cluster, through seeded random schedules: caches that lag behind each
//! other, writes that fail or whose answers get lost, crashes between any two of them, people and controllers who change and delete things,
//! autoscalers of others, a second operator. What the operator claims is watched at every step.
//!
//! `SEED=42 cargo test --test simulation` replays one schedule and prints it; `SIMULATE_N=100000` runs that many.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stdout)]

mod cluster;
mod controllers;
mod monitor;
mod operator;
mod rng;
mod schedule;
mod spec;

use compose_operator::controller::decide::Bugs;
use operator::Planted;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs schedules `from..to`, or the one that SEED names.
#[track_caller]
fn hold(from: u64, to: u64) {
    let seeds = number("SEED").map_or(from..to, |seed| seed..seed + 1);
    for seed in seeds {
        if let Err(failure) = schedule::run(seed, Planted::default()) {
            panic!("{failure}\n\nreplay: SEED={seed} cargo test --test simulation claims_hold");
        }
    }
}

fn schedules() -> u64 {
    number("SIMULATE_N").unwrap_or(5_000)
}

#[test]
fn claims_hold_in_every_schedule_of_the_first_half() {
    hold(0, schedules() / 2);
}

#[test]
fn claims_hold_in_every_schedule_of_the_second_half() {
    hold(schedules() / 2, schedules());
}

/// Runs schedules with a mistake planted until one of them fails.
#[track_caller]
fn sees(planted: Planted, within: u64) {
    let found = (0..within).find(|seed| schedule::run(*seed, planted).is_err());
    assert!(found.is_some(), "{planted:?} is not seen in {within} schedules");
}

fn bug(decide: Bugs) -> Planted {
    Planted { decide, ..Planted::default() }
}

#[test]
fn sees_a_skipped_uid_test() {
    sees(bug(Bugs { skip_uid_test: true, ..Bugs::default() }), 200);
}

#[test]
fn sees_pruning_by_label() {
    sees(bug(Bugs { prune_by_label: true, ..Bugs::default() }), 200);
}

#[test]
fn sees_forgotten_writes() {
    sees(bug(Bugs { forget_unseen: true, ..Bugs::default() }), 200);
}

#[test]
fn sees_memory_trusted_after_a_restart() {
    sees(Planted { trust_memory: true, ..Planted::default() }, 200);
}

#[test]
fn sees_a_finished_job_run_again() {
    sees(bug(Bugs { rerun_finished: true, ..Bugs::default() }), 500);
}

#[test]
fn sees_a_gate_ignored_on_update() {
    sees(bug(Bugs { ignore_update_gate: true, ..Bugs::default() }), 500);
}

#[test]
fn sees_an_undone_update_tried_again() {
    sees(bug(Bugs { forget_undone: true, ..Bugs::default() }), 500);
}

#[test]
fn sees_replicas_that_nobody_holds() {
    sees(bug(Bugs { keep_hold_of_replicas: true, ..Bugs::default() }), 200);
}

#[test]
fn sees_an_endless_fight_over_replicas() {
    sees(bug(Bugs { fight_over_replicas: true, ..Bugs::default() }), 500);
}
