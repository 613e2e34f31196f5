//! Projects in memory as the benches load and translate them, and what that costs.

use std::time::Duration;

use compose_operator::compose::diagnostic::Diagnostic;
use compose_operator::compose::model;
use compose_operator::compose::sources::{ComposeFile, File, FileSet, Limits, Options, ProjectName, Sources, Variables};
use compose_operator::compose::{self, Loaded};
use compose_operator::translate::{Desired, Facts, Settings, translate};
use rustix::time::{ClockId, clock_gettime};

/// Files of a project; the Compose files are those that are named.
#[derive(Default)]
pub struct Project {
    pub files: FileSet,
    pub compose_files: Vec<String>,
    /// How large it may be.
    pub limits: Limits,
}

impl Project {
    /// A project of one Compose file.
    pub fn of(text: impl Into<String>) -> Self {
        Self { compose_files: vec!["compose.yaml".to_owned()], ..Self::default() }.with("compose.yaml", text)
    }

    /// The project with a further file.
    pub fn with(mut self, path: &str, content: impl Into<String>) -> Self {
        self.files.files.insert(compose::clean(path), File { content: content.into().into_bytes().into(), ..File::default() });
        self
    }

    /// The project with a further Compose file, merged onto the others.
    #[allow(dead_code, reason = "one bench of two")]
    pub fn merged(mut self, path: &str, content: impl Into<String>) -> Self {
        self.compose_files.push(path.to_owned());
        self.with(path, content)
    }

    /// The project without the bounds that it would pass by its size alone.
    #[allow(dead_code, reason = "one bench of two")]
    pub fn unlimited(mut self) -> Self {
        self.limits = Limits { file_bytes: usize::MAX, bytes: usize::MAX, nodes: usize::MAX, values: usize::MAX, services: usize::MAX };
        self
    }

    /// Loads it as the operator loads a stack.
    pub fn load(&self) -> Loaded {
        let sources = Sources {
            files: &self.files,
            compose_files: self.compose_files.iter().cloned().map(ComposeFile::Path).collect(),
            variables: Variables::new(),
        };
        let options = Options { name: ProjectName::Resource("bench".to_owned()), limits: self.limits, ..Options::default() };
        compose::load(&sources, &options)
    }

    /// Loads and translates it. `Err`: the first problem.
    pub fn translate(&self) -> Result<Desired, String> {
        let loaded = self.load();
        let mut found = loaded.diagnostics;
        let desired = loaded.project.and_then(|project| {
            let (desired, more) = translated(&project);
            found.extend(more);
            desired
        });
        desired.ok_or_else(|| found.iter().find(|problem| problem.is_error()).map(|problem| problem.message.clone()).unwrap_or_default())
    }
}

/// Translates a loaded project as the operator does where nothing is set.
pub fn translated(project: &model::Project) -> (Option<Desired>, Vec<Diagnostic>) {
    translate(project, &Settings::default(), &Facts::default())
}

/// CPU time of this process; wall time would measure the machine's other work.
pub fn cpu_time(work: impl FnOnce()) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    let start = now();
    work();
    now().saturating_sub(start)
}

/// A file of services as people write them.
#[must_use]
pub fn ordinary(count: usize) -> String {
    let service = |index: usize| {
        let depends = if index == 0 { String::new() } else { format!("    depends_on: [service-{}]\n", index - 1) };
        format!(
            "  service-{index}:\n    image: registry.example/team/service-{index}:1.{index}\n    restart: unless-stopped\n    command: serve --port 8080\n\
             {depends}    environment:\n      LOG_LEVEL: info\n      SERVICE: service-{index}\n      DATABASE_URL: postgres://db.example/${{NAME:-app}}\n    \
             ports:\n    - \"{}:8080\"\n    volumes:\n    - data-{index}:/data\n    healthcheck:\n      test: [CMD, curl, -f, http://localhost:8080]\n      \
             interval: 10s\n",
            10_000 + index
        )
    };
    let volumes = (0..count).map(|index| format!("  data-{index}:\n")).collect::<Vec<_>>().concat();
    format!("services:\n{}volumes:\n{volumes}", (0..count).map(service).collect::<String>())
}
