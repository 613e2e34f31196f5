//! A bare client that writes the objects of all stacks: no operator can be faster.

use std::time::Instant;

use futures::{StreamExt, stream};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams, TypeMeta};
use kube::core::GroupVersionKind;

use super::stack;
use super::stage::{AT_ONCE, Made, Stage, namespace};

/// Writes them, with as many requests at once as the operator makes.
pub async fn write(stage: &Stage, count: usize) -> Made {
    let client = stage.account().await;
    let objects: Vec<(ApiResource, DynamicObject)> = stack::objects()
        .into_iter()
        .map(|object| {
            let types: TypeMeta = serde_json::from_value(object.clone()).unwrap();
            let kind = GroupVersionKind::try_from(&types).unwrap();
            (ApiResource::from_gvk(&kind), serde_json::from_value(object).unwrap())
        })
        .collect();
    let all = (0..count).flat_map(|index| objects.iter().map(move |object| (index, object)));
    let begin = Instant::now();
    stream::iter(all)
        .map(|(index, (resource, object))| {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace(index), resource);
            async move { api.create(&PostParams::default(), object).await.unwrap() }
        })
        .buffer_unordered(AT_ONCE)
        .for_each(|_| async {})
        .await;
    let written = begin.elapsed();
    stage.until_available(count * 3).await;
    Made { written, available: begin.elapsed(), events: Vec::new() }
}
