//! Changes of a stack: read, edited, and written where that makes a difference.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

use crate::api::{ComposeStack, keys};
use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::target::Target;
use crate::cluster::client::Class;
use crate::cluster::session::{Document, Session, typed};

use super::overrides::Spec;

/// How often a read and the write that rests on it are tried while others write the same stack.
const ATTEMPTS: usize = 5;

/// Field managers of calls that people make once: nobody comes back to take another's change back.
const ONCE: [&str; 4] = ["kubectl-create", "kubectl-edit", "kubectl-patch", "kubectl-replace"];

/// A stack after a change.
pub struct Written {
    pub stack: ComposeStack,
    pub how: How,
}

/// What a change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Created,
    Updated,
    /// It was so already: nothing was written.
    Unchanged,
}

/// Changes a stack that has to be there.
///
/// # Errors
/// [`Error::NoStack`] where it isn't; what `change` fails with; where the API server doesn't answer, or refuses.
pub async fn edit(target: &Target, change: impl Fn(&ComposeStack, &mut Spec) -> Result<(), Error>) -> Result<Written, Error> {
    write(target, |stack, spec| stack.map_or_else(|| Err(target.absent()), |stack| change(stack, spec))).await
}

/// Changes a stack, or makes it; somebody else's change in between stays.
///
/// # Errors
/// What `change` fails with; where the API server doesn't answer, or refuses.
pub async fn write(target: &Target, change: impl Fn(Option<&ComposeStack>, &mut Spec) -> Result<(), Error>) -> Result<Written, Error> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (written, how, told) = match target.session.document(&target.name).await? {
            None => {
                let mut spec = Spec::new();
                change(None, &mut spec)?;
                let mut document = Session::new_document(&target.name);
                document.data = Value::Object(Map::from_iter([("spec".to_owned(), Value::Object(spec))]));
                (target.session.create_stack(&document).await, How::Created, Vec::new())
            }
            Some(document) => {
                let stack = typed(&document);
                if stack.metadata.deletion_timestamp.is_some() {
                    return Err(Error::Deleting(target.name.clone()));
                }
                let before = document.data.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
                let mut after = before.clone();
                change(Some(&stack), &mut after)?;
                if is_same(&before, &after) {
                    return Ok(Written { stack, how: How::Unchanged });
                }
                let others = others_of(document.metadata.managed_fields.as_deref().unwrap_or_default(), &before, &after);
                (target.session.replace_stack(&with_spec(document, after)).await, How::Updated, others)
            }
        };
        match written {
            Ok(document) => {
                warn(&told);
                return Ok(Written { stack: typed(&document), how });
            }
            Err(error) if error.class() == Class::Conflict && attempts < ATTEMPTS => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn with_spec(mut document: Document, spec: Spec) -> Document {
    if let Some(data) = document.data.as_object_mut() {
        data.insert("spec".to_owned(), Value::Object(spec));
    }
    document
}

/// Whether two specs say the same; what is empty says nothing.
fn is_same(before: &Spec, after: &Spec) -> bool {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let said = |spec: &Spec, key: &str| spec.get(key).filter(|value| says(value)).cloned();
    before.keys().chain(after.keys()).all(|key| said(before, key) == said(after, key))
}

fn warn(others: &[String]) {
    if !others.is_empty() {
        output::say(format!("warning: {} manages what has just been changed, and may take that back", others.join(" and ")));
    }
}

/// The managers, other than this one, of something that differs between two specs.
fn others_of(entries: &[ManagedFieldsEntry], before: &Spec, after: &Spec) -> Vec<String> {
    let others = entries.iter().filter(|entry| entry.subresource.as_deref().is_none_or(str::is_empty)).filter_map(|entry| {
        let manager = entry.manager.as_deref().filter(|manager| *manager != keys::PLUGIN && !ONCE.contains(manager))?;
        let fields = entry.fields_v1.as_ref()?.0.get("f:spec")?;
        differ(fields, &Value::Object(before.clone()), &Value::Object(after.clone())).then(|| manager.to_owned())
    });
    let mut others: Vec<String> = others.collect();
    others.sort();
    others.dedup();
    others
}

/// Whether a field of these, as `managedFields` spells them, differs.
fn differ(fields: &Value, before: &Value, after: &Value) -> bool {
    let inner = fields.as_object().into_iter().flatten().filter_map(|(key, fields)| Some((key.strip_prefix("f:")?, fields)));
    let mut inner = inner.peekable();
    // What isn't told field by field, such as a list, is owned as a whole.
    if inner.peek().is_none() {
        return before != after;
    }
    inner.any(|(key, fields)| differ(fields, &before[key], &after[key]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use serde_json::json;
    use tower_test::mock::{self, Handle};

    use super::*;
    use crate::cli::verbs::overrides;

    type Server = Handle<Request<Body>, Response<Body>>;

    fn target() -> (Target, Server) {
        let (service, server) = mock::pair::<Request<Body>, Response<Body>>();
        (Target { session: Session::new(Client::new(service, "default"), "default"), name: "shop".to_owned() }, server)
    }

    /// Expects a request, gives an answer, and returns the request's body.
    async fn answer(server: &mut Server, method: &str, code: u16, answer: Value) -> Value {
        let (request, send) = server.next_request().await.unwrap();
        assert_eq!(request.method().as_str(), method);
        send.send_response(Response::builder().status(code).body(Body::from(answer.to_string().into_bytes())).unwrap());
        let body = request.into_body().collect_bytes().await.unwrap();
        serde_json::from_slice(&body).unwrap_or_default()
    }

    fn stack(version: &str, spec: &Value) -> Value {
        let metadata = json!({"name": "shop", "resourceVersion": version, "uid": "u", "generation": 1});
        json!({"apiVersion": "compose-operator.dev/v1", "kind": "ComposeStack", "metadata": metadata, "spec": spec})
    }

    async fn scale(target: &Target) -> Result<Written, Error> {
        edit(target, |_, spec| {
            overrides::set(spec, "web", overrides::REPLICAS, 3);
            Ok(())
        })
        .await
    }

    #[tokio::test]
    async fn a_change_of_somebody_else_in_between_stays() {
        let (target, mut server) = target();
        let serve = async {
            answer(&mut server, "GET", 200, stack("1", &json!({"compose": "a"}))).await;
            let conflict = json!({"kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "changed"});
            let first = answer(&mut server, "PUT", 409, conflict).await;
            answer(&mut server, "GET", 200, stack("2", &json!({"compose": "b", "unknown": {"x": [1]}}))).await;
            let second = answer(&mut server, "PUT", 200, stack("3", &json!({}))).await;
            (first, second)
        };
        let (written, (first, second)) = tokio::join!(scale(&target), serve);
        assert_eq!(written.unwrap().how, How::Updated);
        assert_eq!(first["metadata"]["resourceVersion"], "1");
        assert_eq!((&second["metadata"]["resourceVersion"], &second["metadata"]["uid"]), (&json!("2"), &json!("u")));
        assert_eq!(second["spec"], json!({"compose": "b", "unknown": {"x": [1]}, "services": {"web": {"replicas": 3}}}));
    }

    #[tokio::test]
    async fn what_is_so_already_is_not_written() {
        let (target, mut server) = target();
        let serve = answer(&mut server, "GET", 200, stack("1", &json!({"services": {"web": {"replicas": 3}}})));
        let (written, _) = tokio::join!(scale(&target), serve);
        assert_eq!(written.unwrap().how, How::Unchanged);
    }

    fn spec(value: Value) -> Spec {
        if let Value::Object(spec) = value { spec } else { Spec::new() }
    }

    #[test]
    fn what_is_empty_makes_no_difference() {
        let before = spec(json!({"compose": "a", "files": {}, "profiles": [], "stopped": false, "unknown": 1}));
        assert!(is_same(&before, &spec(json!({"unknown": 1, "compose": "a"}))));
        assert!(!is_same(&before, &spec(json!({"compose": "a"}))));
        assert!(!is_same(&before, &spec(json!({"compose": "a", "unknown": 1, "stopped": true}))));
    }

    #[test]
    fn only_a_manager_of_what_has_changed_may_take_it_back() {
        let entry = |manager: &str, subresource: Option<&str>, fields: Value| -> ManagedFieldsEntry {
            let value = json!({"manager": manager, "subresource": subresource, "fieldsV1": {"f:spec": fields}});
            serde_json::from_value(value).unwrap()
        };
        let managed = [
            entry("flux", None, json!({"f:compose": {}, "f:profiles": {}})),
            entry("argo", None, json!({"f:services": {"f:web": {"f:replicas": {}}}})),
            entry("kubectl-edit", None, json!({"f:compose": {}})),
            entry(keys::PLUGIN, None, json!({"f:compose": {}})),
            entry("operator", Some("status"), json!({"f:compose": {}})),
        ];
        let before = spec(json!({"compose": "a", "profiles": ["p"], "services": {"web": {"replicas": 1}}}));
        let changed = |change: Value| {
            let mut after = before.clone();
            after.extend(spec(change));
            others_of(&managed, &before, &after)
        };
        assert_eq!(changed(json!({"compose": "b"})), ["flux"]);
        assert_eq!(changed(json!({"services": {"web": {"replicas": 2}}})), ["argo"]);
        assert_eq!(changed(json!({"services": {"web": {"replicas": 1, "stopped": true}}})), [""; 0]);
        assert_eq!(changed(json!({"stopped": true})), [""; 0]);
    }
}
