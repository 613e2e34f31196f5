//! `make bench`: load, and load with translation, of awesome-compose's files and of up to 10,000 generated services, beside the reference's
//! load of the same files in the same run. CPU time throughout. Ends with a table, and exits 1 where a goal is missed.
//!
//! The files of awesome-compose are those of the corpus, where it lies beside the repository; without it those of `examples/` count.
//! The reference is `benches/reference`, and Kompose `benches/kompose`, both built with Go. Kompose converts a file per process, as it is used;
//! beside it stands our plugin.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::expect_used)]
#![allow(clippy::cast_precision_loss, reason = "for reading")]

mod project;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use project::{Project, cpu_time};
use serde_json::{Value, json};

/// Load and translation of one sample file.
const MAX_SAMPLE: Duration = Duration::from_micros(400);
/// How many times faster than the reference a load is.
const MIN_FASTER: f64 = 10.0;
/// What double the services may cost more: in allocations, which tell the work, and in time, which tells too that trees of some thousand
/// services leave the caches.
const MAX_RATIOS: [(&str, f64); 2] = [("allocations", 2.05), ("time", 2.5)];

struct Sample {
    name: String,
    directory: PathBuf,
    project: Project,
    /// How many services were generated; 0 for a sample file.
    services: usize,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = root.join("target/bench");
    let mut reference = Reference::build(root, &scratch);
    let mut samples = samples(root, &scratch);
    let sizes = [1_000, 2_000, 5_000, 10_000];
    samples.extend(sizes.map(|count| generated(count, &scratch)));

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(10)
        .output_directory(&scratch.join("criterion"))
        .without_plots()
        .configure_from_args();
    let mut rows = Vec::new();
    for sample in &samples {
        // The three of one file stand beside each other, so that whatever else the machine does falls on all.
        let mut group = criterion.benchmark_group(&sample.name);
        let allocations = allocation_counter::measure(|| drop(sample.project.translate())).count_total;
        let load = measure(&mut group, "load", |times| cpu_time(|| (0..times).for_each(|_| drop(sample.project.load()))));
        let both =
            measure(&mut group, "load and translate", |times| cpu_time(|| (0..times).for_each(|_| drop(sample.project.translate()))));
        // Its time grows with the square of the services: more of them would take it minutes.
        let theirs = reference.as_mut().filter(|_| sample.services <= 1_000).map(|reference| {
            let time = measure(&mut group, "reference", |times| reference.load(sample, times).0);
            (time, reference.load(sample, 1).1)
        });
        group.finish();
        rows.push(Row { name: &sample.name, services: sample.services, allocations, load, both, theirs });
    }
    processes(root, &scratch, &samples);
    std::process::exit(i32::from(!report(&rows)));
}

/// Benches a work and answers the time of its best sample: what it costs where nothing interferes.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut work: impl FnMut(u64) -> Duration) -> Duration {
    let mut best = Duration::MAX;
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let took = work(times);
            best = best.min(took.div_f64(times as f64));
            took
        });
    });
    best
}

struct Row<'a> {
    name: &'a str,
    services: usize,
    allocations: u64,
    load: Duration,
    both: Duration,
    /// Time and allocations of the reference's load.
    theirs: Option<(Duration, u64)>,
}

/// Prints the table; whether every goal is met.
fn report(rows: &[Row<'_>]) -> bool {
    let mut met = true;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "\n{:<44} {:>10} {:>12} {:>12} {:>7} {:>9} {:>12}",
        "µs of CPU time", "load", "+ translate", "reference", "times", "allocs", "reference's"
    );
    for row in rows {
        let (theirs, times, allocations) = row.theirs.map_or_else(Default::default, |(time, allocations)| {
            let faster = time.as_secs_f64() / row.load.as_secs_f64();
            met &= faster >= MIN_FASTER;
            (format!("{:.0}", micros(time)), format!("{faster:.1}"), allocations.to_string())
        });
        met &= row.both <= MAX_SAMPLE || row.services > 0;
        println!(
            "{:<44} {:>10.1} {:>12.1} {theirs:>12} {times:>7} {:>9} {allocations:>12}",
            row.name,
            micros(row.load),
            micros(row.both),
            row.allocations
        );
    }
    let generated: Vec<&Row<'_>> = rows.iter().filter(|row| row.services > 0).collect();
    for pair in generated.windows(2) {
        let growth = pair[1].services as f64 / pair[0].services as f64;
        let costs = [pair[1].allocations as f64 / pair[0].allocations as f64, pair[1].both.as_secs_f64() / pair[0].both.as_secs_f64()];
        for ((what, most), cost) in MAX_RATIOS.into_iter().zip(costs) {
            // Per doubling, whatever the step is.
            let ratio = cost.powf(2_f64.ln() / growth.ln());
            met &= ratio <= most;
            println!("{} to {} services: {cost:.2} times the {what}, {ratio:.2} per doubling", pair[0].services, pair[1].services);
        }
    }
    println!("{}", if met { "every goal is met" } else { "a goal is missed" });
    met
}

/// The projects of awesome-compose, or of the examples.
fn samples(root: &Path, scratch: &Path) -> Vec<Sample> {
    let corpus = root.join("../shared/compose-corpus");
    let mut samples: Vec<Sample> = fs::read_dir(corpus)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("awesome-")))
        .map(|path| from_disk(&path.file_name().unwrap().to_string_lossy(), &path.join("project")))
        .collect();
    if samples.is_empty() {
        for entry in fs::read_dir(root.join("examples")).unwrap() {
            let path = entry.unwrap().path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let Some(compose) = inline(&text) else { continue };
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let directory = scratch.join("projects").join(&name);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("compose.yaml"), compose).unwrap();
            samples.push(from_disk(&name, &directory));
        }
    }
    // Those that are refused without the files or rights that they want tell nothing.
    samples.retain(|sample| sample.project.translate().is_ok());
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

/// `spec.compose` of a manifest.
fn inline(manifest: &str) -> Option<String> {
    let (documents, _) = compose_operator::yaml::parse(manifest, compose_operator::yaml::FileId::default());
    documents.iter().find_map(|document| document.at("spec.compose")?.as_str().map(str::to_owned))
}

fn from_disk(name: &str, directory: &Path) -> Sample {
    let mut project = Project::default();
    add(&mut project, directory, "");
    let names = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
    project.compose_files = names.into_iter().filter(|name| directory.join(name).exists()).take(1).map(str::to_owned).collect();
    Sample { name: name.to_owned(), directory: directory.to_owned(), project, services: 0 }
}

fn add(project: &mut Project, directory: &Path, prefix: &str) {
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            add(project, &entry.path(), &format!("{name}/"));
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            *project = std::mem::take(project).with(&name, text);
        }
    }
}

fn generated(services: usize, scratch: &Path) -> Sample {
    let directory = scratch.join("projects").join(format!("{services}-services"));
    fs::create_dir_all(&directory).unwrap();
    let text = project::ordinary(services);
    fs::write(directory.join("compose.yaml"), &text).unwrap();
    Sample { name: format!("{services} services"), directory, project: Project::of(text).unlimited(), services }
}

/// The reference, as a process that loads what it is told to.
struct Reference {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    /// `None` without Go.
    fn build(root: &Path, scratch: &Path) -> Option<Self> {
        let Some(program) = built(root, scratch, "reference", ".") else {
            println!("the reference can't be built; nothing is compared with it");
            return None;
        };
        let mut process = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Self { process, answers })
    }

    /// CPU time of some loads, and allocations of one.
    fn load(&mut self, sample: &Sample, times: u64) -> (Duration, u64) {
        let request = json!({"dir": sample.directory, "files": sample.project.compose_files, "times": times});
        writeln!(self.process.stdin.as_mut().unwrap(), "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["error"].is_null(), "{}: {answer}", sample.name);
        (Duration::from_nanos(answer["nanoseconds"].as_u64().unwrap()), answer["allocations"].as_u64().unwrap() / times)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The published way of converters: a process for each file, from its start to the last object printed.
fn processes(root: &Path, scratch: &Path, samples: &[Sample]) {
    let kompose = built(root, scratch, "kompose", "github.com/kubernetes/kompose");
    let plugin = Some(PathBuf::from(env!("CARGO_BIN_EXE_kubectl-compose")));
    let small: Vec<&Sample> = samples.iter().filter(|sample| sample.services == 0).collect();
    for (name, program, verb) in [("Kompose", kompose, &["convert", "--stdout"][..]), ("kubectl-compose", plugin, &["convert"])] {
        let Some(program) = program else {
            println!("{name} is not there: a process of it is not measured");
            continue;
        };
        let mut took = Vec::new();
        let mut refused = 0;
        for sample in &small {
            let file = &sample.project.compose_files[0];
            let start = std::time::Instant::now();
            let output = Command::new(&program).args(["-f", file]).args(verb).current_dir(&sample.directory).output().unwrap();
            took.push(start.elapsed());
            refused += usize::from(!output.status.success());
        }
        took.sort();
        let middle = took.get(took.len() / 2).copied().unwrap_or_default();
        println!(
            "a process of {name} takes {:.1} ms, the middle one of {} files; {refused} it refuses",
            middle.as_secs_f64() * 1e3,
            small.len()
        );
    }
}

/// Builds a program of a module below `benches/`; `None` without Go.
fn built(root: &Path, scratch: &Path, module: &str, package: &str) -> Option<PathBuf> {
    fs::create_dir_all(scratch).unwrap();
    let program = scratch.join(module);
    let build = Command::new("go").args(["build", "-o"]).arg(&program).arg(package).current_dir(root.join("benches").join(module)).status();
    build.is_ok_and(|status| status.success()).then_some(program)
}
