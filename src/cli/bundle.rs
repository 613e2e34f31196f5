//! A project as a stack: loaded from the disk, packed, and read once more as the operator will read it.

use crate::compose::Loaded;
use crate::compose::diagnostic::{Diagnostic, Severity, has_errors};
use crate::compose::model::Project;
use crate::compose::sources::{Options, ProjectName};
use crate::translate::{Facts, Settings, translate};

use super::args::StackFlags;
use super::error::Error;
use super::pack::{self, Naming, Packed, Parts, Recorder};
use super::project::Found;
use super::{convert, loading};

/// By what a project is judged before it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    pub settings: &'a Settings,
    /// Whether the settings say what the administrator allows. Where they don't, that is warned about, and left to the operator.
    pub policy_is_known: bool,
}

/// A project, and the stack that it is packed into.
pub struct Bundle {
    pub project: Project,
    pub packed: Packed,
}

/// Loads, packs and checks a project; what there is to say about it is told.
///
/// # Errors
/// [`Error::Refused`] where the operator would refuse it; where a file can't travel.
pub fn pack(found: &Found, flags: &StackFlags, naming: Naming, judged: Judged<'_>) -> Result<Bundle, Error> {
    let name = convert::stack_name(&loading::name(found)?);
    let options = Options { name: ProjectName::Resource(name.clone()), keep_unused: true, ..found.options.clone() };
    let recorder = Recorder::new(&found.disk);
    let (project, sources) = loading::load(found, &recorder, &options)?;
    let (_, mut diagnostics) = convert::objects(&project, judged.settings);
    // The operator holds the order.
    diagnostics.retain(|diagnostic| diagnostic.code != convert::NO_ORDER);
    judged.soften(&mut diagnostics);
    loading::tell(&diagnostics, &sources);
    if has_errors(&diagnostics) {
        return Err(Error::Refused);
    }
    let parts = Parts {
        name: &name,
        project: &project,
        sources: &sources,
        compose_files: &found.compose_files,
        profiles: &found.options.profiles,
        variables: &found.variables,
        naming,
        files: recorder.into_read(),
    };
    let packed = pack::pack(parts, flags)?;
    loading::tell(&packed.warnings, &sources);
    check(&packed, judged)?;
    Ok(Bundle { project, packed })
}

/// Reads a packed stack as the operator does: what it would refuse is told here.
fn check(packed: &Packed, judged: Judged<'_>) -> Result<(), Error> {
    let Loaded { project, mut diagnostics, map } = packed.load()?;
    diagnostics.extend(project.as_ref().map(|project| translate(project, judged.settings, &Facts::default()).1).unwrap_or_default());
    judged.soften(&mut diagnostics);
    diagnostics.retain(Diagnostic::is_error);
    loading::tell(&diagnostics, &map);
    if project.is_some() && diagnostics.is_empty() { Ok(()) } else { Err(Error::Refused) }
}

impl Judged<'_> {
    fn soften(self, diagnostics: &mut [Diagnostic]) {
        if !self.policy_is_known {
            diagnostics.iter_mut().filter(|diagnostic| diagnostic.of_policy).for_each(|diagnostic| diagnostic.severity = Severity::Warning);
        }
    }
}
