//! `services.*.volumes[]` in the short form: `[source:]target[:options]`.

use crate::compose::paths;

/// A short form, with the parts that the long form would have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortVolume {
    /// `true`: a host path; else a volume.
    pub is_bind: bool,
    /// Path or volume name; `None` for an anonymous volume.
    pub source: Option<String>,
    /// Cleaned.
    pub target: String,
    pub read_only: bool,
    /// `bind:` of the long form, where it has one.
    pub bind: Option<ShortBind>,
    /// `volume:` of the long form, where it has one: whether it says `nocopy`.
    pub nocopy: Option<bool>,
    /// Options that mean nothing; the reference parser drops them without a word.
    pub unknown: Vec<String>,
}

/// `services.*.volumes[].bind` of a short form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortBind {
    pub propagation: Option<String>,
    /// `z` or `Z`.
    pub selinux: Option<String>,
    pub create_host_path: bool,
}

/// Splits a text at its colons, but for a drive letter's (`C:\data`) and those inside `${…}`.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn parse(text: &str) -> Result<ShortVolume, String> {
    if text.is_empty() {
        return Err("an empty volume; write [source:]target[:options]".to_owned());
    }
    if text.len() <= 2 {
        return Ok(ShortVolume { target: clean(text), ..ShortVolume::default() });
    }
    let sections = sections(text);
    if sections.iter().any(String::is_empty) {
        return Err(format!("{text:?} has an empty section between colons; write [source:]target[:options]"));
    }
    let mut volume = match sections.as_slice() {
        [target] => ShortVolume { target: clean(target), ..ShortVolume::default() },
        [source, target] | [source, target, _] => {
            ShortVolume { source: Some(source.clone()), target: clean(target), ..ShortVolume::default() }
        }
        _ => return Err(format!("{text:?} has too many colons; write [source:]target[:options]")),
    };
    for option in sections.get(2).into_iter().flat_map(|options| options.split(',')) {
        apply(&mut volume, option);
    }
    volume.is_bind = volume.source.as_deref().is_some_and(is_path);
    if volume.is_bind {
        volume.bind.get_or_insert_default().create_host_path = true;
    } else {
        volume.nocopy.get_or_insert(false);
    }
    Ok(volume)
}

/// A mount point as the reference cleans it: none stays none.
fn clean(path: &str) -> String {
    if path.is_empty() { String::new() } else { paths::clean(path) }
}

fn sections(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut variables = 0_usize;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let section = sections.last().map_or("", String::as_str);
        let drive = c == ':' && section.chars().count() == 1 && section.chars().all(char::is_alphabetic);
        match c {
            '$' if characters.peek() == Some(&'{') => variables += 1,
            '}' => variables = variables.saturating_sub(1),
            ':' if variables == 0 && !drive => {
                sections.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(section) = sections.last_mut() {
            section.push(c);
        }
    }
    sections
}

fn apply(volume: &mut ShortVolume, option: &str) {
    match option {
        "ro" => volume.read_only = true,
        "rw" => volume.read_only = false,
        "nocopy" => volume.nocopy = Some(true),
        "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
            volume.bind.get_or_insert_default().propagation = Some(option.to_owned());
        }
        "z" | "Z" => volume.bind.get_or_insert_default().selinux = Some(option.to_owned()),
        _ => volume.unknown.push(option.to_owned()),
    }
}

/// Whether a source names a path of the host: relative, absolute, of a home, or of Windows.
fn is_path(source: &str) -> bool {
    let mut characters = source.chars();
    let drive = characters.next().is_some_and(char::is_alphabetic) && characters.next() == Some(':');
    source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") || drive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &ShortVolume) {
        assert_eq!(parse(text).as_ref(), Ok(expected), "{text}");
    }

    fn named(source: &str, target: &str) -> ShortVolume {
        ShortVolume { source: Some(source.to_owned()), target: target.to_owned(), nocopy: Some(false), ..ShortVolume::default() }
    }

    fn bind(source: &str, target: &str) -> ShortVolume {
        let bind = Some(ShortBind { create_host_path: true, ..ShortBind::default() });
        ShortVolume { is_bind: true, source: Some(source.to_owned()), target: target.to_owned(), bind, ..ShortVolume::default() }
    }

    #[test]
    fn a_path_is_bound_and_a_name_is_a_volume() {
        check("data:/var/lib/data", &named("data", "/var/lib/data"));
        check("./conf:/etc/x/", &bind("./conf", "/etc/x"));
        check("~/conf:/etc/x/../y", &bind("~/conf", "/etc/y"));
        check("C:\\data:/x", &bind("C:\\data", "/x"));
        check("\\\\.\\pipe\\a:/x", &bind("\\\\.\\pipe\\a", "/x"));
        check("/data", &ShortVolume { target: "/data".to_owned(), nocopy: Some(false), ..ShortVolume::default() });
        check("/a", &ShortVolume { target: "/a".to_owned(), ..ShortVolume::default() });
        check("${x:-y}:/x", &named("${x:-y}", "/x"));
    }

    #[test]
    fn options_follow_the_target() {
        check("./a:/b:ro", &ShortVolume { read_only: true, ..bind("./a", "/b") });
        check("vol:/b:ro,rw,nocopy,wat", &ShortVolume { nocopy: Some(true), unknown: vec!["wat".to_owned()], ..named("vol", "/b") });
        let options = ShortBind { propagation: Some("rshared".to_owned()), selinux: Some("z".to_owned()), create_host_path: true };
        check("/a:/b:z,rshared", &ShortVolume { bind: Some(options), ..bind("/a", "/b") });
        let label = ShortBind { selinux: Some("Z".to_owned()), ..ShortBind::default() };
        check("vol:/b:Z", &ShortVolume { bind: Some(label), ..named("vol", "/b") });
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in ["", "vol::b", "abc:", ":/b", "vol:/b:ro:x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_are_cleaned() {
        for (path, expected) in [("/a//b/./c/..", "/a/b"), ("/..", "/"), ("a/..", "."), ("../a", "../a"), ("", ""), ("/", "/")] {
            assert_eq!(clean(path), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "[a-c:/.${},~\\\\roé]{0,20}") {
            let _ = parse(&text);
        }
    }
}
