/// The candidate that a misspelt word most likely meant: equal but for case and `-`/`_`, or at most a third of its letters away.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let wanted = folded(word);
    if wanted.is_empty() || wanted.len() > LONGEST {
        return None;
    }
    let best =
        candidates.into_iter().map(|candidate| (distance(&wanted, &folded(candidate)), candidate)).min_by_key(|(distance, _)| *distance)?;
    let allowed = (wanted.len() / 3).max(1);
    // One letter of two or less would make anything like anything.
    let close = best.0 == 0 || (wanted.len() > 2 && best.0 <= allowed);
    close.then_some(best.1).filter(|candidate| *candidate != word)
}

/// What is wrong with a word that is none of these, and the one that it most likely meant.
pub fn not_allowed(word: &str, allowed: &[&str]) -> String {
    let close = closest(word, allowed.iter().copied()).map(|close| format!(" (did you mean \"{close}\"?)")).unwrap_or_default();
    format!("\"{word}\" is not allowed; allowed are {}{close}", allowed.join(", "))
}

fn folded(word: &str) -> Vec<char> {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Letters to insert, delete, replace or swap with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(from != to);
            let mut cost = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(closest(word, ["image", "ports", "depends_on", "environment", "env_file"]), expected, "{word}");
    }

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        check("imgae", Some("image"));
        check("Image", Some("image"));
        check("depends-on", Some("depends_on"));
        check("port", Some("ports"));
        check("enviroment", Some("environment"));
        check("banana", None);
        check("x", None);
        check("image", None);
        check(&"image".repeat(100), None);
    }
}
