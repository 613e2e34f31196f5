//! Paths of files, as text with `/`: cleaning, joining, the way from one to another.

/// A path without `.`, `..` where it can go, and repeated `/`, as Go's `path.Clean`. An empty path is `.`.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// `path` below `base`, cleaned; an absolute path stands as it is.
pub fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') || base.is_empty() { clean(path) } else { clean(&format!("{base}/{path}")) }
}

/// The directory that holds a path.
pub fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => clean(directory),
        None => ".".to_owned(),
    }
}

/// The way from one directory to a path. Where there is none, the path itself.
pub fn relative(base: &str, path: &str) -> String {
    let (base, path) = (clean(base), clean(path));
    if base.starts_with('/') != path.starts_with('/') {
        return path;
    }
    let parts = |text: &str| text.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(&base), parts(&path));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if from[common..].iter().any(|part| part == "..") {
        return path;
    }
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    clean(&up.chain(to[common..].iter().cloned()).collect::<Vec<_>>().join("/"))
}

/// Whether a path is absolute on Windows: `C:\x`, `C:/x` or `\\host\share`.
pub fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'/' | b'\\');
    drive || path.starts_with("\\\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [
            ("", "."),
            ("./a", "a"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("/../a", "/a"),
            ("a//b/", "a/b"),
            ("/", "/"),
            ("a/..", "."),
            ("../..", "../.."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    #[test]
    fn relative_is_the_way_from_one_to_the_other() {
        for (base, path, expected) in [
            (".", "sub", "sub"),
            ("sub", "sub/a", "a"),
            ("sub", "other/a", "../other/a"),
            ("a/b", "a", ".."),
            ("sub", "/etc", "/etc"),
            ("/p", "/p/a", "a"),
            ("../a", "b", "b"),
        ] {
            assert_eq!(relative(base, path), expected, "{base} {path}");
        }
    }

    #[test]
    fn a_parent_is_a_directory() {
        for (path, expected) in [("a/b", "a"), ("a", "."), ("/a", "/"), ("../a", "..")] {
            assert_eq!(parent(path), expected, "{path}");
        }
    }
}
