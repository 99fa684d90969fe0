//! Who may do what with a bucket: a document, written with templates of the library or as a text. AWS writes
//! documents in its own way, so two are compared by what they mean.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{Bucket, Setting, answered, data, text_or_null, texts};
use crate::apply::provider::{Fault, FaultKind};
use crate::aws::fault::Call;
use crate::value::Value;

/// A document as the library has it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    sid: Option<String>,
    effect: String,
    principals: Lists,
    not_principals: Lists,
    actions: Vec<String>,
    not_actions: Vec<String>,
    resources: Vec<String>,
    not_resources: Vec<String>,
    conditions: BTreeMap<String, Lists>,
}

type Lists = BTreeMap<String, Vec<String>>;

/// A document as a text.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub struct PolicyText(String);

#[async_trait]
impl Setting for Policy {
    const ATTRIBUTE: &'static str = "policy";

    fn usual() -> Option<Policy> {
        None
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<Policy>, Fault> {
        let Some(text) = read(bucket).await? else { return Ok(None) };
        // What has no form here is no policy that a program could have.
        let document = serde_json::from_str(&text).unwrap_or_default();
        Ok(Some(Policy::of(&document)))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        write(bucket, self.document(&bucket.arn()).to_string()).await
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        reset(bucket).await
    }

    fn normal(self, arn: &str) -> Policy {
        Policy::of(&meaning(&self.document(arn)))
    }

    fn value(&self) -> Value {
        data("Policy", [("statements", Value::List(self.statements.iter().map(Statement::value).collect()))])
    }
}

#[async_trait]
impl Setting for PolicyText {
    const ATTRIBUTE: &'static str = "policyText";

    fn usual() -> Option<PolicyText> {
        None
    }

    async fn read(bucket: Bucket<'_>) -> Result<Option<PolicyText>, Fault> {
        Ok(read(bucket).await?.map(PolicyText))
    }

    async fn write(&self, bucket: Bucket<'_>) -> Result<(), Fault> {
        write(bucket, self.0.clone()).await
    }

    async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
        reset(bucket).await
    }

    fn normal(self, _: &str) -> PolicyText {
        match serde_json::from_str(&self.0) {
            Ok(document) => PolicyText(meaning(&document).to_string()),
            Err(_) => self,
        }
    }

    fn value(&self) -> Value {
        Value::string(self.0.as_str())
    }
}

/// The document of a bucket, as AWS has it; nothing when there is none.
pub async fn read(bucket: Bucket<'_>) -> Result<Option<String>, Fault> {
    let call = Call::read("s3:GetBucketPolicy", format!("read the policy of the bucket `{}`", bucket.name));
    let sent = bucket.session.s3().get_bucket_policy().bucket(bucket.name).send().await;
    Ok(answered(&call, sent, &["NoSuchBucketPolicy"])?.and_then(|answer| answer.policy))
}

async fn write(bucket: Bucket<'_>, text: String) -> Result<(), Fault> {
    let call = Call::write("s3:PutBucketPolicy", format!("set the policy of the bucket `{}`", bucket.name));
    let sent = bucket.session.s3().put_bucket_policy().bucket(bucket.name).policy(text).send().await;
    sent.map(drop).map_err(|error| {
        let fault = call.fault(&error);
        match fault.kind {
            // AWS answers the same to one who may not, and to a bucket that may not be public.
            FaultKind::Denied => fault.help(
                "the caller needs the permission `s3:PutBucketPolicy`; if the policy lets everybody in, the bucket must \
                 allow that: `publicAccessBlock { blockPolicy false; restrictBucket false; }`",
            ),
            FaultKind::Throttled
            | FaultKind::Unavailable
            | FaultKind::Unknown
            | FaultKind::Taken
            | FaultKind::Missing
            | FaultKind::Held
            | FaultKind::Refused => fault,
        }
    })
}

pub async fn reset(bucket: Bucket<'_>) -> Result<(), Fault> {
    let call = Call::write("s3:DeleteBucketPolicy", format!("remove the policy of the bucket `{}`", bucket.name));
    let sent = bucket.session.s3().delete_bucket_policy().bucket(bucket.name).send().await;
    sent.map(drop).map_err(|error| call.fault(&error))
}

impl Policy {
    /// Writes it, with an `Id`.
    pub async fn write_as(&self, bucket: Bucket<'_>, id: &str) -> Result<(), Fault> {
        let mut document = self.document(&bucket.arn());
        document["Id"] = json!(id);
        write(bucket, document.to_string()).await
    }

    /// A statement that does not say what it is about is about the bucket and everything in it.
    fn document(&self, arn: &str) -> Json {
        let all = [arn.to_string(), format!("{arn}/*")];
        let statements: Vec<Json> = self.statements.iter().map(|statement| statement.document(&all)).collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    pub fn of(document: &Json) -> Policy {
        Policy { statements: items(&document["Statement"]).map(Statement::of).collect() }
    }
}

impl Statement {
    fn document(&self, all: &[String]) -> Json {
        let mut document = Map::new();
        let lists = |lists: &Lists| {
            let one = |(key, items): (&String, &Vec<String>)| (key.clone(), one_or_many(items));
            if is_everybody(lists) { json!("*") } else { Json::Object(lists.iter().map(one).collect()) }
        };
        let mut set = |key: &str, value: Json, given: bool| {
            if given {
                document.insert(key.to_string(), value);
            }
        };
        set("Sid", json!(self.sid), self.sid.is_some());
        set("Effect", json!(self.effect), true);
        set("Principal", lists(&self.principals), !self.principals.is_empty());
        set("NotPrincipal", lists(&self.not_principals), !self.not_principals.is_empty());
        set("Action", one_or_many(&self.actions), !self.actions.is_empty());
        set("NotAction", one_or_many(&self.not_actions), !self.not_actions.is_empty());
        let resources = if self.resources.is_empty() { all } else { &self.resources };
        set("Resource", one_or_many(resources), self.not_resources.is_empty() || !self.resources.is_empty());
        set("NotResource", one_or_many(&self.not_resources), !self.not_resources.is_empty());
        let conditions = self.conditions.iter().map(|(test, keys)| {
            let keys = keys.iter().map(|(key, items)| (key.clone(), one_or_many(items)));
            (test.clone(), Json::Object(keys.collect()))
        });
        set("Condition", Json::Object(conditions.collect()), !self.conditions.is_empty());
        Json::Object(document)
    }

    fn of(document: &Json) -> Statement {
        let list = |key: &str| items(&document[key]).map(as_text).collect();
        let lists = |document: &Json| -> Lists {
            match document {
                Json::Object(entries) => {
                    entries.iter().map(|(key, value)| (key.clone(), items(value).map(as_text).collect())).collect()
                }
                Json::String(text) => Lists::from([("AWS".to_string(), vec![text.clone()])]),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => Lists::new(),
            }
        };
        let conditions = document["Condition"].as_object();
        Statement {
            sid: document["Sid"].as_str().filter(|sid| !sid.is_empty()).map(str::to_string),
            effect: document["Effect"].as_str().unwrap_or_default().to_string(),
            principals: lists(&document["Principal"]),
            not_principals: lists(&document["NotPrincipal"]),
            actions: list("Action"),
            not_actions: list("NotAction"),
            resources: list("Resource"),
            not_resources: list("NotResource"),
            conditions: conditions.into_iter().flatten().map(|(test, keys)| (test.clone(), lists(keys))).collect(),
        }
    }

    fn value(&self) -> Value {
        let lists = |lists: &Lists| Value::Map(lists.iter().map(|(key, items)| (key.clone(), texts(items))).collect());
        let conditions = self.conditions.iter().map(|(test, keys)| (test.clone(), lists(keys)));
        data(
            "Statement",
            [
                ("sid", text_or_null(self.sid.as_ref())),
                ("effect", Value::string(self.effect.as_str())),
                ("principals", lists(&self.principals)),
                ("notPrincipals", lists(&self.not_principals)),
                ("actions", texts(&self.actions)),
                ("notActions", texts(&self.not_actions)),
                ("resources", texts(&self.resources)),
                ("notResources", texts(&self.not_resources)),
                ("conditions", Value::Map(conditions.collect())),
            ],
        )
    }
}

/// As AWS writes it: one thing stands without a list.
fn one_or_many(items: &[String]) -> Json {
    match items {
        [one] => json!(one),
        many => json!(many),
    }
}

fn is_everybody(lists: &Lists) -> bool {
    lists.len() == 1 && lists.get("AWS").is_some_and(|names| *names == ["*"])
}

/// The items of a list, or the one thing that stands for a list of it.
fn items(document: &Json) -> Box<dyn Iterator<Item = &Json> + '_> {
    match document {
        Json::Array(items) => Box::new(items.iter()),
        Json::Null => Box::new(std::iter::empty()),
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => Box::new(std::iter::once(document)),
    }
}

fn as_text(item: &Json) -> String {
    item.as_str().map_or_else(|| item.to_string(), str::to_string)
}

/// A document in the one form of all that mean the same: the order of keys, of statements and of lists, a text for
/// a list of one, an account's id for its ARN, the case of actions and of the keys of conditions do not count.
fn meaning(document: &Json) -> Json {
    let mut statements: Vec<Json> = items(&document["Statement"]).map(statement).collect();
    statements.sort_by_key(Json::to_string);
    let mut normal = Map::new();
    if let Json::Object(entries) = document {
        normal.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    normal.insert("Statement".into(), Json::Array(statements));
    normal.entry("Version").or_insert("2008-10-17".into());
    Json::Object(normal)
}

fn statement(document: &Json) -> Json {
    let Json::Object(entries) = document else { return document.clone() };
    let mut normal = Map::new();
    for (key, value) in entries {
        let value = match key.as_str() {
            "Sid" if value.as_str() == Some("") => continue,
            "Action" | "NotAction" => list(value, |text| text.to_ascii_lowercase()),
            "Resource" | "NotResource" => list(value, str::to_string),
            "Principal" | "NotPrincipal" => principals(value),
            "Condition" => conditions(value),
            _ => value.clone(),
        };
        normal.insert(key.clone(), value);
    }
    Json::Object(normal)
}

fn list(value: &Json, normal: impl Fn(&str) -> String) -> Json {
    let mut texts: Vec<String> = items(value).map(|item| normal(&as_text(item))).collect();
    texts.sort();
    texts.dedup();
    json!(texts)
}

fn principals(value: &Json) -> Json {
    match value {
        Json::String(everybody) if everybody == "*" => json!({"AWS": ["*"]}),
        Json::Object(kinds) => {
            let kinds = kinds.iter().map(|(kind, names)| (kind.clone(), list(names, account)));
            Json::Object(kinds.collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => value.clone(),
    }
}

/// `arn:aws:iam::111122223333:root` is the account `111122223333`.
fn account(name: &str) -> String {
    let parts: Vec<&str> = name.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, "root"] => account.to_string(),
        _ => name.to_string(),
    }
}

fn conditions(value: &Json) -> Json {
    let Json::Object(tests) = value else { return value.clone() };
    let tests = tests.iter().map(|(test, keys)| {
        let keys = match keys {
            Json::Object(keys) => {
                let keys = keys.iter().map(|(key, values)| (key.to_ascii_lowercase(), list(values, str::to_string)));
                Json::Object(keys.collect())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => keys.clone(),
        };
        (test.clone(), keys)
    });
    Json::Object(tests.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(one: &Json, two: &Json) -> bool {
        PolicyText(one.to_string()).normal("arn:aws:s3:::b") == PolicyText(two.to_string()).normal("arn:aws:s3:::b")
    }

    #[test]
    fn documents_are_compared_by_what_they_mean() {
        let policy = |statement: Json| json!({"Version": "2012-10-17", "Statement": statement});
        let one =
            json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
        let with = |key: &str, value: Json| {
            let mut two = one.clone();
            two[key] = value;
            policy(json!([two]))
        };
        let first = policy(one.clone());
        assert!(same(&first, &with("Action", json!(["S3:getobject"]))));
        assert!(same(&first, &with("Principal", json!({"AWS": ["*"]}))));
        assert!(same(&first, &with("Sid", json!(""))));
        assert!(!same(&first, &with("Sid", json!("x"))));
        assert!(!same(&first, &with("Effect", json!("Deny"))));
        assert!(!same(&first, &with("Resource", json!("arn:aws:s3:::B/*"))));
        assert!(!same(&first, &json!({"Statement": one.clone()})), "the version of a policy has a meaning");
        let of = |name: &str| with("Principal", json!({"AWS": name, "Service": "x.amazonaws.com"}));
        assert!(same(&of("111122223333"), &of("arn:aws:iam::111122223333:root")));
        assert!(!same(&of("111122223333"), &of("arn:aws:iam::111122223333:role/root")));
        let when = |value: Json| with("Condition", json!({"Bool": {"aws:SecureTransport": value}}));
        assert!(same(&when(json!(false)), &when(json!(["false"]))));
        assert!(!same(&when(json!(false)), &when(json!("true"))));
    }

    fn any_lists() -> impl Strategy<Value = Lists> {
        let names = prop::collection::vec("[a-z]{1,6}|[0-9]{12}|\\*", 1..3);
        prop::collection::btree_map("AWS|Service|Federated", names, 0..3)
    }

    fn any_statement() -> impl Strategy<Value = Statement> {
        let list = || prop::collection::vec("[a-zA-Z:*]{1,8}", 0..4);
        let conditions = prop::collection::btree_map("Bool|StringLike", any_lists(), 0..2);
        let sid = prop::option::of("[a-z]{1,5}");
        (sid, "Allow|Deny", any_lists(), any_lists(), list(), list(), list(), list(), conditions).prop_map(
            |(sid, effect, principals, not_principals, actions, not_actions, resources, not_resources, conditions)| {
                Statement {
                    sid,
                    effect,
                    principals,
                    not_principals,
                    actions,
                    not_actions,
                    resources,
                    not_resources,
                    conditions,
                }
            },
        )
    }

    fn any_policy() -> impl Strategy<Value = Policy> {
        prop::collection::vec(any_statement(), 0..4).prop_map(|statements| Policy { statements })
    }

    /// As AWS may give it back.
    fn shuffled(document: &Json) -> Json {
        match document {
            Json::Array(items) if items.len() == 1 => shuffled(&items[0]),
            Json::Array(items) => Json::Array(items.iter().rev().map(shuffled).collect()),
            Json::Object(entries) => {
                Json::Object(entries.iter().rev().map(|(key, value)| (key.clone(), shuffled(value))).collect())
            }
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn a_document_written_otherwise_is_the_same(policy in any_policy()) {
            let document = policy.document("arn:aws:s3:::b");
            prop_assert!(same(&document, &shuffled(&document)));
            prop_assert_eq!(Policy::of(&shuffled(&document)).normal("arn:aws:s3:::b"), policy.normal("arn:aws:s3:::b"));
        }

        #[test]
        fn what_is_normal_stays_so(policy in any_policy()) {
            let once = policy.normal("arn:aws:s3:::b");
            prop_assert_eq!(once.clone().normal("arn:aws:s3:::b"), once);
        }

        #[test]
        fn a_policy_is_told_as_the_program_has_it(policy in any_policy()) {
            let told: Policy = serde_json::from_value(policy.value().reveal()).unwrap();
            prop_assert_eq!(told, policy);
        }
    }
}
