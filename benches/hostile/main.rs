//! `make bench-hostile`: what the worst files cost, each 1 MiB at most. CPU time and peak heap of a load, and of the translation of what was
//! loaded, each against its bounds; and what half the input costs, since cost may only grow with the input. Exits 1 where a bound is passed.
//!
//! `make bench-hostile ONLY=alias` measures the shapes whose names hold the word.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::expect_used)]
#![allow(clippy::cast_precision_loss, reason = "for reading")]

#[path = "../project/mod.rs"]
mod project;
mod shapes;

use std::time::Duration;

use allocation_counter::measure;
use project::{Project, cpu_time};

/// What something may cost.
struct Bounds {
    name: &'static str,
    time: Duration,
    heap: u64,
    /// What double the input may cost more.
    ratio: f64,
}

const LOAD: Bounds = Bounds { name: "LOAD", time: Duration::from_millis(50), heap: 32 << 20, ratio: 2.2 };
/// What is translated was accepted, with as many services as are allowed: each becomes some ten objects, which leave the caches.
const TRANSLATION: Bounds = Bounds { name: "TRANSLATION", time: Duration::from_millis(150), heap: 64 << 20, ratio: 2.5 };
/// Below this, what doesn't depend on the input weighs too much to tell.
const TELLING: Duration = Duration::from_millis(2);
/// How often a shape that passes a bound is measured again.
const TRIES: usize = 4;
/// The best of several runs is what the work costs; the rest is what the machine did besides.
const RUNS: usize = 5;

struct Cost {
    time: Duration,
    heap: u64,
    allocations: u64,
}

impl Cost {
    /// What a work costs that answers with something to be dropped.
    fn of<T>(mut work: impl FnMut() -> T) -> Self {
        let heap = measure(|| drop(work()));
        // Dropping is part of the work.
        let time = (0..RUNS).map(|_| cpu_time(|| drop(work()))).min().unwrap();
        Self { time, heap: heap.bytes_max, allocations: heap.count_total }
    }

    /// `doublings`: of the input, from the half to the whole.
    fn marks(&self, half: &Self, doublings: f64, bounds: &Bounds) -> Vec<String> {
        let passed = [
            (self.time > bounds.time || half.time > bounds.time, "TIME"),
            (self.heap > bounds.heap || half.heap > bounds.heap, "HEAP"),
            (!self.is_linear(half, doublings, bounds.ratio), "NOT LINEAR"),
        ];
        passed.into_iter().filter(|(passed, _)| *passed).map(|(_, mark)| format!("{} {mark}", bounds.name)).collect()
    }

    fn is_linear(&self, half: &Self, doublings: f64, most: f64) -> bool {
        self.ratio(half).powf(1.0 / doublings) <= most || half.time < TELLING
    }

    fn ratio(&self, half: &Self) -> f64 {
        self.time.as_secs_f64() / half.time.as_secs_f64()
    }
}

/// What a project costs, and the first problem where it is refused.
struct Measured {
    load: Cost,
    translate: Option<Cost>,
    refused: Option<String>,
}

impl Measured {
    fn of(project: &Project) -> Self {
        let loaded = project.load().project;
        let translate = loaded.as_ref().map(|loaded| Cost::of(|| project::translated(loaded)));
        Self { load: Cost::of(|| project.load()), translate, refused: project.translate().err() }
    }

    /// What is less of this and another measurement of the same.
    fn or_less(mut self, other: Self) -> Self {
        self.load.time = self.load.time.min(other.load.time);
        if let (Some(mine), Some(other)) = (&mut self.translate, other.translate) {
            mine.time = mine.time.min(other.time);
        }
        self
    }

    fn marks(&self, half: &Self, doublings: f64) -> Vec<String> {
        let mut marks = self.load.marks(&half.load, doublings, &LOAD);
        if let (Some(half), Some(whole)) = (&half.translate, &self.translate) {
            marks.extend(whole.marks(half, doublings, &TRANSLATION));
        } else if let Some(only) = half.translate.as_ref().or(self.translate.as_ref()) {
            marks.extend(only.marks(only, 1.0, &TRANSLATION));
        }
        marks
    }
}

fn main() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut over = 0;
    let head = ["CPU ms", "heap MiB", "allocs", "ratio"];
    println!("{:<44} {:>5} {}{}  end", "", "", heading("load", &head), heading("translation", &head));
    for shape in shapes::all().into_iter().filter(|shape| shape.name.contains(&only)) {
        let (half, whole) = ((shape.project)(shape.size / 2), (shape.project)(shape.size));
        let bytes = size(&whole);
        assert!(bytes <= 1 << 20, "{} has {bytes} bytes", shape.name);
        let doublings = (bytes as f64 / size(&half) as f64).log2().max(1.0);
        let measure = || (Measured::of(&half), Measured::of(&whole));
        let (mut half, mut whole) = measure();
        let mut marks = whole.marks(&half, doublings);
        // What the machine does besides can pass a bound, but never keep within it.
        for _ in 0..TRIES {
            if marks.is_empty() {
                break;
            }
            let (other_half, other_whole) = measure();
            (half, whole) = (half.or_less(other_half), whole.or_less(other_whole));
            marks = whole.marks(&half, doublings);
        }
        over += usize::from(!marks.is_empty());
        let end = whole.refused.unwrap_or_else(|| "accepted".to_owned());
        let columns = |cost: &Cost, half: Option<&Cost>| {
            let ratio = half.map_or_else(|| "-".to_owned(), |half| format!("{:.2}", cost.ratio(half)));
            format!(" {:>9.2} {:>9.1} {:>9} {ratio:>6}", cost.time.as_secs_f64() * 1e3, mebibytes(cost.heap), cost.allocations)
        };
        // Where the whole is refused, half of it may not be: that costs the most then.
        let translation = match (&half.translate, &whole.translate) {
            (half, Some(whole)) => columns(whole, half.as_ref()),
            (Some(half), None) => columns(half, None),
            (None, None) => " ".repeat(37),
        };
        println!(
            "{:<44} {:>5}{}{translation}  {}{}",
            shape.name,
            bytes >> 10,
            columns(&whole.load, Some(&half.load)),
            if marks.is_empty() { String::new() } else { format!("** {} ** ", marks.join(", ")) },
            end.chars().take(90).collect::<String>(),
        );
    }
    if over > 0 {
        println!("{over} shapes pass a bound");
        std::process::exit(1);
    }
}

fn size(project: &Project) -> usize {
    project.files.files.values().map(|file| file.content.len()).sum()
}

fn heading(of: &str, columns: &[&str; 4]) -> String {
    let [time, heap, allocations, ratio] = columns;
    format!(" {:>9} {heap:>9} {allocations:>9} {ratio:>6}", format!("{of} {time}"))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
