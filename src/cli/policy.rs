//! The administrator's policy from its file.

use std::fs;

use crate::translate::Policy;

/// Reads the file at a path; an empty one is the default policy.
///
/// # Errors
/// Where the file can't be read, or isn't a policy: what is wrong, and where.
pub fn read(path: &str) -> Result<Policy, String> {
    parse(&fs::read_to_string(path).map_err(|error| error.to_string())?)
}

fn parse(text: &str) -> Result<Policy, String> {
    let policy: Option<Policy> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    Ok(policy.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        for text in ["", "\n", "# nothing\n", "{}\n", "---\n"] {
            assert_eq!(parse(text), Ok(Policy::default()), "{text:?}");
        }
    }

    #[test]
    fn a_misspelt_field_is_told_with_those_that_there_are() {
        let told = parse("hostNetwork: true\nhostPid: true\n");
        assert!(told.as_ref().is_err_and(|error| error.contains("`hostPid`") && error.contains("`hostPID`")), "{told:?}");
        let told = parse("maxPorts: 1\nhostPaths:\n  - path: srv\n");
        assert!(
            told.as_ref().is_err_and(|error| error.contains("\"srv\" is not an absolute path") && error.contains("line 3")),
            "{told:?}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_no_policy() {
        assert!(read("/nowhere/policy.yaml").is_err());
    }
}
