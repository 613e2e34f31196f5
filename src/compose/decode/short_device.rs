//! `services.*.devices[]` in the short form: `source[:target[:permissions]]`.

/// A short form with its defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortDevice {
    pub source: String,
    /// The source, where none is written.
    pub target: String,
    /// Of `rwm`.
    pub permissions: String,
}

/// Splits a text at its colons.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn parse(text: &str) -> Result<ShortDevice, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [source] => (*source, "", "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => return Err(format!("{text:?} is not source[:target[:permissions]]; use the long form for names with colons")),
    };
    let target = if target.is_empty() { source } else { target };
    Ok(ShortDevice { source: source.to_owned(), target: target.to_owned(), permissions: permissions.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, source: &str, target: &str, permissions: &str) {
        let expected = ShortDevice { source: source.to_owned(), target: target.to_owned(), permissions: permissions.to_owned() };
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn target_and_permissions_have_defaults() {
        check("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm");
        check("/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm");
        check("/dev/a:/dev/b:r", "/dev/a", "/dev/b", "r");
        check("vendor.com/gpu=0", "vendor.com/gpu=0", "vendor.com/gpu=0", "rwm");
        assert!(parse("a:b:c:d").is_err());
    }
}
