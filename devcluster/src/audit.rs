//! The audit log: every request that `audit-policy.yaml` says to keep, as the API server saw it.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;

/// One request, of audit.k8s.io/v1.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    #[serde(rename = "auditID")]
    pub audit_id: String,
    pub stage: Stage,
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    #[serde(rename = "user")]
    authenticated: Account,
    #[serde(rename = "impersonatedUser")]
    impersonated: Option<Account>,
    /// Which program asked, as it calls itself.
    #[serde(default)]
    pub user_agent: String,
    /// What the request is about; absent where it is about no resource (`/healthz`).
    pub object_ref: Option<ObjectRef>,
    response_status: Option<Code>,
    /// The body of a write: the object, the patch, or the DeleteOptions.
    pub request_object: Option<Value>,
    /// The answer to a write: the object, or a Status.
    pub response_object: Option<Value>,
    /// RFC 3339 with six digits: they compare as text.
    pub request_received_timestamp: String,
    pub stage_timestamp: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Stage {
    /// A watch has begun.
    ResponseStarted,
    ResponseComplete,
    Panic,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    /// The plural: `deployments`.
    pub resource: String,
    pub subresource: String,
    pub api_group: String,
    /// Empty for cluster-wide resources and for requests across namespaces.
    pub namespace: String,
    /// Empty in lists, watches and some creations: see [`AuditEvent::name`].
    pub name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Account {
    username: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Code {
    #[serde(default)]
    code: u16,
}

impl AuditEvent {
    /// The user whose rights decided: the impersonated one where there is one.
    pub fn user(&self) -> &str {
        &self.impersonated.as_ref().unwrap_or(&self.authenticated).username
    }

    /// The HTTP status of the answer, 0 if there was none.
    pub fn code(&self) -> u16 {
        self.response_status.as_ref().map_or(0, |status| status.code)
    }

    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.code())
    }

    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    pub fn resource(&self) -> &str {
        self.object_ref.as_ref().map_or("", |object| &object.resource)
    }

    pub fn subresource(&self) -> &str {
        self.object_ref.as_ref().map_or("", |object| &object.subresource)
    }

    pub fn namespace(&self) -> &str {
        self.object_ref.as_ref().map_or("", |object| &object.namespace)
    }

    /// The object's name, for a creation the one in the answer or the body.
    pub fn name(&self) -> &str {
        let named = self.object_ref.as_ref().map_or("", |object| &object.name);
        if named.is_empty() {
            let bodies = [&self.response_object, &self.request_object];
            return bodies.into_iter().flatten().find_map(|body| body.pointer("/metadata/name")?.as_str()).unwrap_or_default();
        }
        named
    }

    /// The resourceVersion in the answer, where that is an object.
    pub fn answered_version(&self) -> Option<&str> {
        let answer = self.response_object.as_ref()?;
        if answer.get("kind").and_then(Value::as_str) == Some("Status") {
            return None;
        }
        answer.pointer("/metadata/resourceVersion")?.as_str()
    }

    /// Like `patch deployments/status shop/web: 200`, for messages of tests.
    pub fn summary(&self) -> String {
        let slash = if self.subresource().is_empty() { "" } else { "/" };
        let (verb, resource, subresource) = (&self.verb, self.resource(), self.subresource());
        format!("{verb} {resource}{slash}{subresource} {}/{}: {} (by {})", self.namespace(), self.name(), self.code(), self.user())
    }
}

/// A place in the log of one control plane.
#[derive(Debug, Clone)]
pub struct AuditLog {
    path: PathBuf,
    offset: u64,
}

impl AuditLog {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0 }
    }

    /// The events since the last call, in the order of their completion. Every request that was answered before this call is among them.
    pub fn read(&mut self) -> Result<Vec<AuditEvent>, Error> {
        let failed = |source| Error::file("read", &self.path)(source);
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut reader = BufReader::new(file);
        let mut events = Vec::new();
        let mut line = String::new();
        while reader.read_line(&mut line).map_err(failed)? > 0 && line.ends_with('\n') {
            self.offset += line.len() as u64;
            let event = serde_json::from_str(&line).map_err(|error| failed(error.into()))?;
            events.push(event);
            line.clear();
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    const DELETE: &str = r#"{"kind":"Event","level":"RequestResponse","auditID":"1","stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/shop/deployments/web","verb":"delete","user":{"username":"compose-operator"},"objectRef":{"resource":"deployments","namespace":"shop","name":"web","apiGroup":"apps","apiVersion":"v1"},"responseStatus":{"metadata":{},"status":"Success","code":200},"requestObject":{"kind":"DeleteOptions","preconditions":{"uid":"u"}},"responseObject":{"kind":"Status","metadata":{"resourceVersion":"7"}},"requestReceivedTimestamp":"2026-01-01T00:00:00.000001Z","stageTimestamp":"2026-01-01T00:00:00.000002Z"}"#;

    #[test]
    fn events_are_read_once_and_only_when_their_line_is_complete() {
        let path = std::env::temp_dir().join(format!("devcluster-audit-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let mut log = AuditLog::new(&path);
        write!(file, "{DELETE}\n{}", &DELETE[..20]).unwrap();
        assert_eq!(log.read().unwrap().len(), 1);
        assert_eq!(log.read().unwrap().len(), 0);
        writeln!(file, "{}", &DELETE[20..]).unwrap();
        let events = log.read().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].summary(), "delete deployments shop/web: 200 (by compose-operator)");
        assert_eq!(events[0].answered_version(), None, "a Status has no version of the object");
        assert!(events[0].succeeded() && events[0].is_write());
    }

    #[test]
    fn the_name_of_a_created_object_comes_from_its_body() {
        let text = DELETE
            .replace(r#""name":"web","#, "")
            .replace(r#"{"kind":"DeleteOptions","preconditions":{"uid":"u"}}"#, r#"{"metadata":{"name":"web-x"}}"#);
        let event: AuditEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(event.name(), "web-x");
    }
}
