//! What one load may cost at the most.

/// Files that one load may read; a tree of includes can't cost more.
pub const MAX_FILES: usize = 2000;
/// Bytes of all files that are read for the model together; a file that is read twice counts twice.
pub const MAX_BYTES: usize = 4 << 20;
/// Values of all files together, after aliases, with what is extended and the variables of env files; and of the model that they make, with
/// what short forms stand for.
pub const MAX_VALUES: usize = 100_000;
/// Variables that env files set together: those of a project, or of a service. Labels that label files set count alike.
pub const MAX_VARIABLES: usize = 10_000;
/// Services and jobs of a project.
pub const MAX_SERVICES: usize = 1_000;
/// Includes and extended services inside each other.
pub const MAX_DEPTH: usize = 30;
