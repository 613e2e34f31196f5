//! `make bench-hostile`: what the worst files cost, each 1 MiB at most. CPU time and peak heap of a whole load and translation, against the
//! bounds of 50 ms and 32 MiB; and what half the input costs, since cost may only grow with the input. Exits 1 where a bound is passed.
//!
//! `make bench-hostile ONLY=alias` measures the shapes whose names hold the word.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::expect_used)]

#[path = "../project/mod.rs"]
mod project;
mod shapes;

use std::time::Duration;

use allocation_counter::measure;
use project::{Project, cpu_time};

const MAX_TIME: Duration = Duration::from_millis(50);
const MAX_HEAP: u64 = 32 << 20;
/// What double the input may cost more.
const MAX_RATIO: f64 = 2.2;
/// Below this, what doesn't depend on the input weighs too much to tell.
const TELLING: Duration = Duration::from_millis(2);
/// The best of several runs is what the work costs; the rest is what the machine did besides.
const RUNS: usize = 5;

struct Cost {
    time: Duration,
    heap: u64,
    allocations: u64,
    /// The first problem, where it is refused.
    refused: Option<String>,
}

fn cost(project: &Project) -> Cost {
    let mut refused = None;
    let heap = measure(|| refused = project.translate().err());
    let time = (0..RUNS).map(|_| cpu_time(|| drop(project.translate()))).min().unwrap();
    Cost { time, heap: heap.bytes_max, allocations: heap.count_total, refused }
}

fn main() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut over = 0;
    println!("{:<44} {:>8} {:>9} {:>9} {:>7} {:>6}  end", "shape", "KiB", "CPU ms", "heap MiB", "allocs", "ratio");
    for shape in shapes::all().into_iter().filter(|shape| shape.name.contains(&only)) {
        let (half, whole) = ((shape.project)(shape.size / 2), (shape.project)(shape.size));
        let bytes: usize = whole.files.files.values().map(|file| file.content.len()).sum();
        assert!(bytes <= 1 << 20, "{} has {bytes} bytes", shape.name);
        let (half, whole) = (cost(&half), cost(&whole));
        let ratio = whole.time.as_secs_f64() / half.time.as_secs_f64();
        let linear = ratio <= MAX_RATIO || half.time < TELLING || half.refused.is_some() != whole.refused.is_some();
        let mut marks = Vec::new();
        marks.extend((whole.time > MAX_TIME || half.time > MAX_TIME).then_some("TIME"));
        marks.extend((whole.heap > MAX_HEAP || half.heap > MAX_HEAP).then_some("HEAP"));
        marks.extend((!linear).then_some("NOT LINEAR"));
        over += usize::from(!marks.is_empty());
        let end = whole.refused.unwrap_or_else(|| "accepted".to_owned());
        println!(
            "{:<44} {:>8} {:>9.2} {:>9.1} {:>7} {:>6.2}  {}{}",
            shape.name,
            bytes >> 10,
            whole.time.as_secs_f64() * 1e3,
            mebibytes(whole.heap),
            whole.allocations,
            ratio,
            if marks.is_empty() { String::new() } else { format!("** {} ** ", marks.join(", ")) },
            end.chars().take(90).collect::<String>(),
        );
    }
    if over > 0 {
        println!("{over} shapes pass a bound");
        std::process::exit(1);
    }
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
