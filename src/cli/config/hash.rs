//! `config --hash`: docker compose's own hash of each service, which it writes to containers as `com.docker.compose.config-hash`.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value as Json};

use crate::cli::output::Error;
use crate::compose::model::Project;
use crate::compose::print;
use crate::compose::sources::Variables;

/// A line of name and hash for each of these services, or for all.
///
/// # Errors
/// Where a service isn't there, or isn't built for the platform that it is to run on.
pub fn hashes(project: &Project, variables: &Variables, names: &[String], options: &print::Options) -> Result<String, Error> {
    if let Some(name) = names.iter().find(|name| !project.services.contains_key(*name)) {
        return Err(Error::NoService(name.clone()));
    }
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut services = print::services(project, options);
    services.retain(|(name, _)| wanted.is_empty() || wanted.contains(name.as_str()));
    services.sort_by(|(a, _), (b, _)| a.cmp(b));
    let default = variables.get("DOCKER_DEFAULT_PLATFORM").map(|variable| variable.value.as_str()).filter(|platform| !platform.is_empty());
    let mut text = String::new();
    for (name, mut service) in services {
        settle_platform(&name, &mut service, default)?;
        let _ = writeln!(text, "{name} {}", print::hash(service));
    }
    Ok(text)
}

/// A service that is built and says no platform runs on the default one; the build must be for it.
fn settle_platform(name: &str, service: &mut Map<String, Json>, default: Option<&str>) -> Result<(), Error> {
    let Some(build) = service.get("build") else { return Ok(()) };
    let platforms = build.get("platforms").and_then(Json::as_array).map(|all| all.iter().filter_map(Json::as_str).collect::<Vec<_>>());
    let own = service.get("platform").and_then(Json::as_str).filter(|platform| !platform.is_empty());
    let Some(platform) = own.or(default) else { return Ok(()) };
    if platforms.is_some_and(|platforms| !platforms.is_empty() && !platforms.contains(&platform)) {
        return Err(Error::Platform { service: name.to_owned(), platform: platform.to_owned() });
    }
    let platform = platform.to_owned();
    service.insert("platform".to_owned(), platform.into());
    Ok(())
}
