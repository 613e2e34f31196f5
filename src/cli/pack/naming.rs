//! What the objects are called that travel beside a stack.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// How the Secrets and ConfigMaps with a project's files get their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Always the same, for manifests that are applied again and again.
    Stable,
    /// By their content, so that other content comes into use with the very write of the stack that names it.
    ByContent,
}

/// Bytes of the hash in a name.
const HASH: usize = 5;

impl Naming {
    /// The name of an object with these keys and values, in their order.
    pub fn name<'a>(self, base: String, content: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
        if self == Naming::Stable {
            return base;
        }
        let mut hasher = Sha256::new();
        for (key, value) in content {
            for part in [key.as_bytes(), value] {
                hasher.update(part.len().to_be_bytes());
                hasher.update(part);
            }
        }
        hasher.finalize().iter().take(HASH).fold(base + "-", |mut name, byte| {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_name() {
        let name = |naming: Naming, content: &[(&str, &str)]| {
            naming.name("shop--files".to_owned(), content.iter().map(|(key, value)| (*key, value.as_bytes())))
        };
        assert_eq!(name(Naming::Stable, &[("a", "1")]), "shop--files");
        let one = name(Naming::ByContent, &[("a", "1")]);
        assert!(one.starts_with("shop--files-") && one.len() == "shop--files-".len() + 10, "{one}");
        assert_eq!(one, name(Naming::ByContent, &[("a", "1")]));
        for other in [&[("a", "2")][..], &[("b", "1")], &[("a", "1"), ("b", "")], &[("a1", "")]] {
            assert_ne!(one, name(Naming::ByContent, other), "{other:?}");
        }
    }
}
