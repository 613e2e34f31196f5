//! One schedule: a random stack, a time of chaos, then quiet, in which everything must come to rest as it is to be.

use std::collections::BTreeSet;

use compose_operator::translate::Kind;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::cluster::{Cluster, Key, Owner, UID};
use super::monitor;
use super::operator::{Faults, Operator, Planted};
use super::rng::Rng;
use super::spec::{OF_OTHERS, STACK, Spec};

/// Rounds in which an autoscaler of others is withstood: some 20 minutes.
const ROUNDS_OF_CONTEST: usize = 110;
/// How often the replicas of one workload are put back in that time, at most.
const MOST_IN_CONTEST: usize = 20;

struct World {
    rng: Rng,
    cluster: Cluster,
    operators: Vec<Operator>,
    planted: Planted,
    now: Timestamp,
    story: Vec<String>,
    spec: Spec,
}

/// Runs the schedule of a seed; a failure tells its story.
pub fn run(seed: u64, planted: Planted) -> Result<(), String> {
    let mut world = World::new(seed, planted);
    let outcome = world.play();
    if std::env::var("SEED").is_ok() {
        println!("{}", world.story.join("\n"));
    }
    outcome.map_err(|what| {
        let from = world.story.len().saturating_sub(60);
        format!("schedule {seed}: {what}\n…\n{}", world.story[from..].join("\n"))
    })
}

impl World {
    fn new(seed: u64, planted: Planted) -> Self {
        let mut rng = Rng::new(seed);
        let mut cluster = Cluster::new();
        let spec = Spec::random(&mut rng);
        cluster.set_spec(spec.clone());
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let mut world = Self { rng, cluster, operators: Vec::new(), planted, now, story: Vec::new(), spec };
        world.plant();
        let operator = Operator::start(&world.cluster, planted, &mut world.rng, false);
        world.operators.push(operator);
        world
    }

    /// Objects of others, some in the way.
    fn plant(&mut self) {
        let names: Vec<Key> = self.spec.desired().objects.into_keys().collect();
        if self.rng.percent(20)
            && let Some(key) = self.rng.pick(&names).cloned()
            // Somebody else's autoscaler goes on setting replicas for ever once the file wants none.
            && key.kind != Kind::HorizontalPodAutoscaler
        {
            let claim = key.kind == Kind::PersistentVolumeClaim;
            let owner = match self.rng.below(4) {
                0 if !claim => Owner::Stack("dead-uid"),
                // A Job's template can't be changed, so nobody hands one over.
                1 if key.kind != Kind::Job => Owner::Adoptable,
                2 => Owner::Other,
                _ => Owner::Nobody,
            };
            self.plant_one(&key, owner);
        }
        if self.rng.percent(30) {
            self.plant_one(&Key::new(Kind::Service, "theirs"), Owner::Other);
        }
    }

    fn plant_one(&mut self, key: &Key, owner: Owner) {
        let mut object = self.cluster.blank(key);
        object.labelled = matches!(owner, Owner::Stack(_)) || self.rng.percent(30);
        object.fields = String::new();
        "theirs".clone_into(&mut object.inputs);
        self.story.push(format!("planted: {key} of {owner:?}"));
        object.owner = owner;
        self.cluster.put(key, object);
    }

    fn play(&mut self) -> Result<(), String> {
        if self.rng.percent(40) {
            self.rest("comes up in quiet")?;
            self.edit();
        }
        let steps = 40 + self.rng.below(120);
        for _ in 0..steps {
            self.step();
            self.check()?;
        }
        self.settle()?;
        self.restart_is_silent()?;
        self.deletion()
    }

    fn check(&mut self) -> Result<(), String> {
        match self.cluster.violations.first() {
            Some(first) => Err(first.clone()),
            None => Ok(()),
        }
    }

    fn step(&mut self) {
        let at = self.rng.below(self.operators.len());
        let faults = Faults { refused: 8, lost: 5 };
        match self.rng.below(100) {
            0..=29 => self.operators[at].observe(&self.cluster, &mut self.rng),
            30..=44 => self.operators[at].decide(&mut self.cluster, self.now),
            45..=69 => {
                let writes = self.cluster.writes;
                self.operators[at].act(&mut self.cluster, &mut self.rng, self.now, faults);
                if self.cluster.writes > writes {
                    self.tell(at);
                }
            }
            70..=85 => {
                for _ in 0..3 {
                    self.cluster.tick(&mut self.rng);
                }
            }
            86..=89 => self.edit(),
            90..=93 => self.interfere(),
            94..=95 => {
                self.story.push(format!("operator {at} crashes"));
                self.operators[at].crash(&mut self.cluster, &mut self.rng);
            }
            96 if self.operators.len() < 2 => {
                self.story.push("a second operator starts".to_owned());
                self.cluster.rivals = true;
                let second = Operator::start(&self.cluster, self.planted, &mut self.rng, true);
                self.operators.push(second);
            }
            97 if self.operators.len() > 1 => {
                self.story.push(format!("operator {at} ends"));
                self.operators.remove(at);
            }
            _ => self.now += SignedDuration::from_secs(1),
        }
    }

    fn tell(&mut self, at: usize) {
        let newest = self.cluster.log.iter().filter_map(|log| log.last()).max_by_key(|event| match event {
            super::cluster::Event::Object(v, ..) | super::cluster::Event::Pod(v, ..) | super::cluster::Event::Stack(v, _) => *v,
        });
        let text = match newest {
            Some(super::cluster::Event::Object(v, key, Some(o))) => {
                format!("{key} = {} ×{} {:?} (v{v}, uid {})", o.inputs, o.replicas, o.template.stamps, o.uid)
            }
            Some(super::cluster::Event::Object(_, key, None)) => format!("{key} deleted"),
            Some(super::cluster::Event::Stack(_, Some(s))) => {
                let services: Vec<String> =
                    s.status.services.iter().map(|s| format!("{} {:?} met {:?} done {:?}", s.name, s.state, s.met, s.completed)).collect();
                format!("status {:?} {}", s.status.conditions.first().map(|c| (&c.status, &c.reason)), services.join("; "))
            }
            _ => String::new(),
        };
        self.story.push(format!("operator {at} writes: {text}"));
    }

    fn edit(&mut self) {
        self.spec.edit(&mut self.rng);
        if self.cluster.stack.as_ref().is_some_and(|s| *s.spec != self.spec) {
            self.story.push(format!("edit: {}", describe(&self.spec)));
            self.cluster.set_spec(self.spec.clone());
        }
    }

    /// Somebody else changes, deletes or strips an object, or a pod dies.
    fn interfere(&mut self) {
        let keys: Vec<Key> = self.cluster.objects.keys().cloned().collect();
        let Some(key) = self.rng.pick(&keys).cloned() else { return };
        let names: Vec<String> = self.cluster.pods.keys().cloned().collect();
        let what = self.rng.below(12);
        let mark = self.cluster.fresh();
        let rng = &mut self.rng;
        match what {
            0..=2 => {
                self.story.push(format!("somebody deletes {key}"));
                self.cluster.touched.insert(key.clone());
                if rng.percent(20) { self.cluster.change(&key, |o| o.deleting = true) } else { self.cluster.remove(&key) }
            }
            3..=5 => {
                self.story.push(format!("somebody edits {key}"));
                self.cluster.change(&key, |o| {
                    o.fields = format!("{} without {mark}", o.fields);
                    o.changed_by = Some("kubectl-edit".to_owned());
                    o.edited = true;
                    if key.kind.scales() {
                        o.template.edited = true;
                        o.generation += 1;
                    }
                });
            }
            6 | 9 if key.kind.scales() => {
                let replicas = i32::try_from(rng.below(5)).unwrap();
                self.story.push(format!("somebody scales {key} to {replicas}"));
                self.cluster.scale(&key, replicas, &mark.to_string());
                // An autoscaler is a controller of the cluster, which is nobody that is told of.
                if what == 6 {
                    self.cluster.change(&key, |o| o.changed_by = Some("kubectl".to_owned()));
                }
            }
            7 => {
                self.story.push(format!("somebody adds something to {key}"));
                self.cluster.change(&key, |o| o.changed_by = Some("injector".to_owned()));
            }
            // An autoscaler that nobody sees any more would go on setting replicas for ever.
            8 if !matches!(key.kind, Kind::PersistentVolumeClaim | Kind::HorizontalPodAutoscaler) => {
                self.story.push(format!("somebody strips {key} of its labels"));
                self.cluster.change(&key, |o| {
                    o.labelled = false;
                    o.fields = format!("{} without labels {mark}", o.fields);
                });
            }
            // Who sets up an autoscaler has replicas to scale.
            11 if key.kind.scales() && self.cluster.objects[&key].replicas > 0 => {
                let theirs = Key::new(Kind::HorizontalPodAutoscaler, format!("{OF_OTHERS}{}", key.name));
                if !self.cluster.objects.contains_key(&theirs) {
                    self.plant_one(&theirs, Owner::Other);
                }
            }
            _ => {
                if let Some(name) = rng.pick(&names) {
                    self.story.push(format!("pod {name} is killed"));
                    self.cluster.change_pod(name, |p| p.deleting = true);
                }
            }
        }
    }

    /// The autoscalers of others.
    fn rivals(&self) -> Vec<Key> {
        let theirs = |key: &&Key| key.kind == Kind::HorizontalPodAutoscaler && key.name.starts_with(OF_OTHERS);
        self.cluster.objects.keys().filter(theirs).cloned().collect()
    }

    /// What an autoscaler of others sets again and again is put back ever more seldom, and that is told. In the end it goes.
    fn contest(&mut self) -> Result<(), String> {
        let rivals = self.rivals();
        if rivals.is_empty() {
            return Ok(());
        }
        self.story.push(format!("no faults any more, and autoscalers of others: {rivals:?}"));
        let mut told = BTreeSet::new();
        let from: Vec<usize> = self.cluster.log.iter().map(Vec::len).collect();
        for _ in 0..ROUNDS_OF_CONTEST {
            self.round()?;
            let status = self.cluster.stack.as_ref().map(|stack| stack.status.clone()).unwrap_or_default();
            told.extend(status.warnings.iter().filter(|warning| warning.code == "contested").map(|warning| warning.path.clone()));
        }
        for rival in rivals {
            let name = rival.name.trim_start_matches(OF_OTHERS);
            for key in [Kind::Deployment, Kind::StatefulSet].map(|kind| Key::new(kind, name)) {
                let times = self.cluster.taken_back(&key, from[key.kind as usize]);
                if times > MOST_IN_CONTEST * self.operators.len() {
                    return Err(format!("the replicas of {key} are put back {times} times in {ROUNDS_OF_CONTEST} rounds"));
                }
                if times >= MOST_IN_CONTEST / 2 && !told.contains(&key.to_string()) {
                    return Err(format!("the replicas of {key} are put back {times} times, and nobody is told: {told:?}"));
                }
            }
            self.cluster.remove(&rival);
        }
        // Whoever waits for longer and longer has waited enough.
        self.now += SignedDuration::from_mins(10);
        Ok(())
    }

    /// No more faults: everything must come to rest.
    fn settle(&mut self) -> Result<(), String> {
        self.contest()?;
        let foreign = self.cluster.objects.iter().any(|(k, o)| matches!(o.owner, Owner::Other | Owner::Nobody) && k.name != "theirs");
        if foreign && self.rng.percent(60) {
            for key in self.cluster.objects.keys().cloned().collect::<Vec<_>>() {
                if matches!(self.cluster.objects[&key].owner, Owner::Other | Owner::Nobody) && key.name != "theirs" {
                    self.cluster.remove(&key);
                }
            }
        }
        self.story.push(format!("quiet: {}", describe(&self.spec)));
        self.rest("comes to rest")?;
        let foreign = self.cluster.objects.iter().any(|(k, o)| matches!(o.owner, Owner::Other | Owner::Nobody) && k.name != "theirs");
        monitor::settled(&mut self.cluster, &self.spec, foreign);
        self.check()
    }

    /// Runs without faults until nothing is written for several rounds.
    fn rest(&mut self, what: &str) -> Result<(), String> {
        let mut quiet = 0;
        for _ in 0..120 {
            let before = (self.cluster.writes, self.cluster.version());
            self.round()?;
            quiet = if before == (self.cluster.writes, self.cluster.version()) { quiet + 1 } else { 0 };
            if quiet == 4 {
                return Ok(());
            }
        }
        Err(format!("never {what}"))
    }

    /// Some seconds in which every controller makes a step, and every operator what it finds to do.
    fn round(&mut self) -> Result<(), String> {
        self.now += SignedDuration::from_secs(11);
        self.cluster.tick_all();
        for at in 0..self.operators.len() {
            self.operators[at].observe_all(&self.cluster);
            for _ in 0..100 {
                let writes = self.cluster.writes;
                self.operators[at].decide(&mut self.cluster, self.now);
                self.operators[at].act(&mut self.cluster, &mut self.rng, self.now, Faults::default());
                if self.cluster.writes > writes {
                    self.tell(at);
                }
                self.check()?;
                if self.operators[at].is_idle() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn restart_is_silent(&mut self) -> Result<(), String> {
        let before = self.cluster.writes;
        self.operators.truncate(1);
        self.operators[0] = Operator::start(&self.cluster, self.planted, &mut self.rng, false);
        self.rest("rests after a restart")?;
        if self.cluster.writes > before {
            return Err("a restart of the operator writes something".to_owned());
        }
        Ok(())
    }

    /// Deleted, with or without an operator around: nothing is left but claims.
    fn deletion(&mut self) -> Result<(), String> {
        self.story.push("the stack is deleted".to_owned());
        let before = self.cluster.writes;
        if self.rng.percent(50) {
            self.cluster.put_stack(|s| s.deleting = true);
            self.rest("rests while it is being deleted")?;
        }
        self.cluster.remove_stack();
        let claims = self.claims();
        self.rest("rests after its end")?;
        if self.cluster.writes > before {
            return Err("a deleted stack gets a write".to_owned());
        }
        if self.claims() != claims {
            return Err("claims went with the stack".to_owned());
        }
        match self.cluster.objects.iter().find(|(_, o)| o.owner == Owner::Stack(UID)) {
            Some((key, _)) => Err(format!("{key} is left of {STACK}")),
            None => Ok(()),
        }
    }

    fn claims(&self) -> Vec<Key> {
        self.cluster.objects.keys().filter(|k| k.kind == Kind::PersistentVolumeClaim).cloned().collect()
    }
}

fn describe(spec: &Spec) -> String {
    let services: Vec<String> = spec
        .services
        .iter()
        .map(|s| {
            let gates: Vec<String> = s
                .gates
                .iter()
                .map(|g| {
                    format!("{}:{:?}{}{}", g.service, g.condition, if g.required { "" } else { "?" }, if g.restart { "r" } else { "" })
                })
                .collect();
            format!("{}×{}{}[{}]", s.inputs(), s.replicas, if s.stopped { " stopped" } else { "" }, gates.join(" "))
        })
        .collect();
    let flag = |on: bool, text: &'static str| if on { text } else { "" };
    format!(
        "{} {}{}{}",
        services.join(", "),
        flag(spec.stopped, "STOPPED "),
        flag(spec.suspend, "SUSPENDED "),
        flag(spec.invalid, "INVALID")
    )
}
