//! What the targets share: inputs as projects, and the bound on what one may cost.
//!
//! The operator's pure layers are compiled in here, and not its crate as a whole, so that the client and the commands, which no target
//! reaches, are neither built nor instrumented.

#[path = "../../../src/api/mod.rs"]
pub mod api;
#[path = "../../../src/compose/mod.rs"]
pub mod compose;
#[path = "../../../src/translate/mod.rs"]
pub mod translate;
#[path = "../../../src/yaml/mod.rs"]
pub mod yaml;

use std::time::Duration;

use compose::Loaded;
use compose::diagnostic::Diagnostic;
use compose::interpolate::Variable;
use compose::sources::{ComposeFile, File, FileSet, Options, ProjectName, Sources, Variables};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of an input; the bound of a release build, though coverage and assertions slow a target down.
const MAX_TIME: Duration = Duration::from_millis(100);

/// Bytes of an input that is asked for its time. What longer ones cost is for `make bench-hostile` to say.
const TIMED: usize = 64 << 10;

/// Runs a target on a text; inputs that are not UTF-8 tell nothing, and one that takes too long is a crash.
pub fn on_text(data: &[u8], target: impl FnOnce(&str)) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let start = cpu_time();
    target(text);
    let took = cpu_time().saturating_sub(start);
    assert!(took <= MAX_TIME || text.len() > TIMED, "{took:?} of CPU time for {} bytes", text.len());
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// A project as one text, so that the fuzzer finds its way between its files.
pub struct Project {
    compose_files: Vec<ComposeFile>,
    files: FileSet,
}

impl Project {
    /// Lines `#-- NAME` start further files of the project directory. The first one, and those named `override…`, are Compose files.
    pub fn read(text: &str) -> Self {
        let mut project = Self { compose_files: Vec::new(), files: FileSet::default() };
        let mut parts = text.split("\n#-- ");
        project.compose_file("compose.yaml", parts.next().unwrap_or_default());
        for part in parts {
            let (name, content) = part.split_once('\n').unwrap_or((part, ""));
            if name.starts_with("override") {
                project.compose_file(name, content);
            } else {
                let file = File { content: content.as_bytes().into(), ..File::default() };
                project.files.files.insert(compose::clean(name), file);
            }
        }
        project
    }

    fn compose_file(&mut self, name: &str, text: &str) {
        self.compose_files.push(ComposeFile::Text { name: name.to_owned(), text: text.to_owned(), tainted: false });
    }

    /// The same directory with one Compose file instead.
    pub fn with(&self, text: &str) -> Self {
        let mut project = Self { compose_files: Vec::new(), files: self.files.clone() };
        project.compose_file("compose.yaml", &text);
        project
    }

    /// Loads it as a resource of the cluster is loaded.
    pub fn load(&self, secret: &str) -> Loaded {
        let options = Options { name: ProjectName::Fallback("shop".to_owned()), profiles: vec!["*".to_owned()], ..Options::default() };
        let sources = Sources { files: &self.files, compose_files: self.compose_files.clone(), variables: variables(secret) };
        let loaded = compose::load(&sources, &options);
        well_formed(&loaded.diagnostics);
        let errors = loaded.diagnostics.iter().any(Diagnostic::is_error);
        assert_eq!(loaded.project.is_none(), errors, "a project or an error, never both, never neither");
        loaded
    }
}

/// Two values of the variable that comes from a Secret. Nothing that is shown may differ between them.
pub const SECRETS: [&str; 2] = ["hunter-two", "hunter-owt"];

/// Variables that the dictionary names; one of them comes from a Secret.
pub fn variables(secret: &str) -> Variables {
    let variable = |name: &str, value: &str, tainted| (name.to_owned(), Variable { value: value.to_owned(), tainted });
    [variable("TAG", "1.2", false), variable("EMPTY", "", false), variable("SECRET", secret, true)].into_iter().collect()
}

/// Every problem has words.
pub fn well_formed(diagnostics: &[Diagnostic]) {
    for found in diagnostics {
        assert!(!found.message.is_empty(), "{found:?}");
    }
}
