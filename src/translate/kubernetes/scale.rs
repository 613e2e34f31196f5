//! `hpa` and `pdb`.

use serde::Serialize;

use crate::compose::path::Path;
use crate::translate::report::Report;
use crate::yaml::Node;

use super::keys::Keys;

/// Replicas by load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Autoscale {
    pub min: i32,
    pub max: i32,
    pub cpu: Option<Amount>,
    pub memory: Option<Amount>,
}

/// A load, of which more replicas follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Amount {
    /// Of what is requested.
    Percent(i32),
    /// Of each replica on average, as a quantity.
    Each(String),
}

/// How many pods may be away of the cluster's free will; each a number or a percentage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Disruption {
    Unavailable(String),
    Available(String),
}

/// Reads the bounds, and the loads.
pub fn autoscale(node: &Node, path: &Path, report: &mut Report) -> Option<Autoscale> {
    if node.as_bool() == Some(false) {
        return None;
    }
    let keys = Keys::open(Some(node), path, &["min", "max", "cpu", "memory"], report);
    if !keys.is_written() {
        return None;
    }
    let bounds = || 1..=i64::from(i32::MAX);
    let int = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
    let min = keys.number("min", bounds(), report).map_or(1, int);
    let cpu = amount(&keys, "cpu", report);
    let memory = amount(&keys, "memory", report);
    if keys.node("max").is_none() {
        report.refuse("missing", path, "max is missing: the most replicas that load may lead to");
    }
    let max = int(keys.number("max", bounds(), report)?);
    if min > max {
        report.refuse("invalid-value", &path.key("min"), format!("{min} is more than max ({max})"));
    }
    Some(Autoscale { min, max, cpu, memory })
}

/// `80`, `80%` or a quantity.
fn amount(keys: &Keys, key: &str, report: &mut Report) -> Option<Amount> {
    let (_, path) = keys.node(key)?;
    let text = keys.text(key, report)?;
    let found = parse_amount(&text);
    if found.is_none() {
        report.refuse("invalid-value", &path, format!("{text:?} is neither a percentage such as 80 nor a quantity such as 512Mi"));
    }
    found
}

/// Reads a load.
pub fn parse_amount(text: &str) -> Option<Amount> {
    let number = text.strip_suffix('%').unwrap_or(text);
    if let Ok(percent) = number.parse::<i32>() {
        return (percent > 0).then_some(Amount::Percent(percent));
    }
    let is_milli = || text.strip_suffix('m').is_some_and(|number| number.parse::<u32>().is_ok());
    (is_quantity(text) || is_milli()).then(|| Amount::Each(text.to_owned()))
}

/// Reads `true` or a mapping.
pub fn disruption(node: &Node, path: &Path, report: &mut Report) -> Option<Disruption> {
    match node.as_bool().or_else(|| node.as_str()?.parse().ok()) {
        Some(true) => return Some(Disruption::Unavailable("1".to_owned())),
        Some(false) => return None,
        None => {}
    }
    let keys = Keys::open(Some(node), path, &["minAvailable", "maxUnavailable"], report);
    let mut value = |key: &str| {
        let (_, path) = keys.node(key)?;
        let text = keys.text(key, report)?;
        let legal = text.strip_suffix('%').unwrap_or(&text).parse::<u32>().is_ok_and(|n| !text.ends_with('%') || n <= 100);
        if !legal {
            report.refuse("invalid-value", &path, format!("{text:?} is neither a number of pods nor a percentage such as 50%"));
        }
        legal.then_some(text)
    };
    let (available, unavailable) = (value("minAvailable"), value("maxUnavailable"));
    match (available, unavailable) {
        (Some(_), Some(_)) => {
            report.refuse("conflict", path, "one of minAvailable and maxUnavailable");
            None
        }
        (Some(available), None) => Some(Disruption::Available(available)),
        (None, Some(unavailable)) => Some(Disruption::Unavailable(unavailable)),
        (None, None) => None,
    }
}

/// Whether a text is a quantity of whole units.
pub fn is_quantity(text: &str) -> bool {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    digits > 0 && matches!(&text[digits..], "" | "k" | "M" | "G" | "T" | "Ki" | "Mi" | "Gi" | "Ti")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_percentages_or_quantities() {
        assert_eq!(parse_amount("80"), Some(Amount::Percent(80)));
        assert_eq!(parse_amount("80%"), Some(Amount::Percent(80)));
        assert_eq!(parse_amount("512Mi"), Some(Amount::Each("512Mi".to_owned())));
        assert_eq!(parse_amount("500m"), Some(Amount::Each("500m".to_owned())));
        for wrong in ["0", "-1", "much", "1.5", ""] {
            assert_eq!(parse_amount(wrong), None, "{wrong}");
        }
    }
}
