//! `Http`: asks a site until it answers as expected, or the action's time is up.

use jsonpath_rust::JsonPath;
use regex::Regex;
use reqwest::header::HeaderMap;

use crate::action::request::{Request, refused, saying, seen_in_part};
use crate::action::setting::Settings;
use crate::action::{Look, Scene, probe};
use crate::apply::hidden::Hidden;
use crate::apply::provider::Fault;
use crate::model::action::Action;
use crate::value::{Value, number};

/// As much of what came instead is told, in bytes.
const TOLD: usize = 120;

/// As the library's template has it, where a record is older than the attribute.
const REDIRECTS: u32 = 10;

/// What a good answer is like.
struct Expected {
    statuses: Vec<i64>,
    text: Option<String>,
    pattern: Option<Regex>,
    headers: Vec<(String, String)>,
    /// Values by their paths.
    json: Vec<(String, serde_json::Value)>,
}

/// Passes when the site answers as expected.
///
/// # Errors
/// What came instead, when its time is over; at once when the question itself cannot be asked.
pub async fn run(action: &Action, scene: &Scene<'_>) -> Result<(), Fault> {
    let settings = Settings::of(action, scene);
    let hidden = settings.hidden(scene);
    let (request, expected) = (Request::of(&settings, REDIRECTS)?, Expected::of(&settings, &hidden)?);
    let look = || async {
        let look = ask(&request, &expected, scene, &hidden).await.map_err(|fault| hidden.fault(fault))?;
        Ok(look.map(|why| hidden.text(why)))
    };
    probe::run(action, scene, look).await
}

async fn ask(request: &Request, expected: &Expected, scene: &Scene<'_>, hidden: &Hidden) -> Result<Look, Fault> {
    let response = match request.send(scene).await? {
        Ok(response) => response,
        Err(why) => return Ok(Look::NotYet(why)),
    };
    let (site, status) = (&request.site, response.status());
    if !expected.statuses.contains(&i64::from(status.as_u16())) {
        let body = request.body(response).await.unwrap_or_default();
        let expected: Vec<String> = expected.statuses.iter().map(i64::to_string).collect();
        let expected = expected.join(" or ");
        let said = saying(&body, seen_in_part(&body), hidden);
        return Ok(Look::NotYet(format!("{site} answered {status}, and not {expected}{said}")));
    }
    let mut wrong = expected.headers_miss(response.headers(), hidden);
    // What is not looked at may have no end.
    if wrong.is_none() && expected.looks_into_body() {
        wrong = match request.body(response).await {
            Ok(body) => expected.body_misses(&body, hidden),
            Err(why) => return Ok(Look::NotYet(why)),
        };
    }
    Ok(wrong.map_or(Look::Live, |wrong| Look::NotYet(format!("{site} answered {wrong}"))))
}

impl Expected {
    fn of(settings: &Settings<'_>, hidden: &Hidden) -> Result<Expected, Fault> {
        let json = match settings.get("expectJson") {
            Some(Value::Map(entries)) => entries.iter().map(|(path, value)| (path.clone(), value.reveal())).collect(),
            _ => Vec::new(),
        };
        Ok(Expected {
            statuses: settings.numbers("expectStatus").unwrap_or_else(|| vec![200]),
            text: settings.text("expectBody")?,
            pattern: pattern(settings, hidden)?,
            headers: settings.pairs("expectHeader")?,
            json,
        })
    }

    fn looks_into_body(&self) -> bool {
        self.text.is_some() || self.pattern.is_some() || !self.json.is_empty()
    }

    fn headers_miss(&self, headers: &HeaderMap, hidden: &Hidden) -> Option<String> {
        self.headers.iter().find_map(|(name, wanted)| {
            let came: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            match came.as_slice() {
                [] => Some(format!("without the header `{name}`")),
                came if came.iter().any(|came| came == wanted) => None,
                came => Some(format!("`{name}: {}`, and not `{wanted}`", hidden.cut(&came.join(", "), TOLD))),
            }
        })
    }

    fn body_misses(&self, body: &[u8], hidden: &Hidden) -> Option<String> {
        let text = String::from_utf8_lossy(body);
        let said = || saying(body, seen_in_part(body), hidden);
        if let Some(wanted) = self.text.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
            return Some(format!("without `{}` in it{}", hidden.cut(wanted, TOLD), said()));
        }
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(&text)) {
            return Some(format!("with nothing in it that `{pattern}` matches{}", said()));
        }
        if self.json.is_empty() {
            return None;
        }
        let Ok(document) = serde_json::from_slice::<serde_json::Value>(body) else {
            return Some(format!("with what is no JSON{}", said()));
        };
        self.json.iter().find_map(|(path, wanted)| {
            let Ok(found) = document.query(path) else { return Some(format!("what `{path}` cannot be looked for in")) };
            if found.is_empty() {
                return Some(format!("with nothing at `{path}`{}", said()));
            }
            let other = found.into_iter().find(|value| !is_same(value, wanted))?;
            let (other, wanted) = (hidden.cut(&other.to_string(), TOLD), hidden.cut(&wanted.to_string(), TOLD));
            Some(format!("with `{other}` at `{path}`, and not `{wanted}`"))
        })
    }
}

/// Numbers are the same by value, also in lists and objects.
fn is_same(one: &serde_json::Value, two: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (one, two) {
        (Json::Number(one), Json::Number(two)) => match (one.as_i64(), two.as_i64()) {
            (Some(one), Some(two)) => one == two,
            (Some(int), None) => two.as_f64().is_some_and(|two| is_exactly(int, two)),
            (None, Some(int)) => one.as_f64().is_some_and(|one| is_exactly(int, one)),
            (None, None) => one == two || one.is_f64() && two.is_f64() && one.as_f64() == two.as_f64(),
        },
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_same(one, two))
        }
        (Json::Object(one), Json::Object(two)) => {
            one.len() == two.len() && one.iter().all(|(key, one)| two.get(key).is_some_and(|two| is_same(one, two)))
        }
        (one, two) => one == two,
    }
}

fn is_exactly(int: i64, float: f64) -> bool {
    number::compare(int, float).is_some_and(std::cmp::Ordering::is_eq)
}

/// The pattern of an action, if it has one.
///
/// # Errors
/// When it is no regular expression, which was not known before.
pub fn pattern(settings: &Settings<'_>, hidden: &Hidden) -> Result<Option<Regex>, Fault> {
    let Some(text) = settings.text("expectPattern")? else { return Ok(None) };
    let unreadable = |_| refused(format!("`{}` is no regular expression", hidden.cut(&text, TOLD)));
    Regex::new(&text).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_same;

    #[test]
    fn numbers_are_expected_by_value() {
        assert!(is_same(&json!(1), &json!(1.0)) && is_same(&json!({ "a": [1, 2.5] }), &json!({ "a": [1.0, 2.5] })));
        assert!(!is_same(&json!(9_007_199_254_740_993_i64), &json!(9_007_199_254_740_992.0)));
        assert!(!is_same(&json!([1]), &json!([1, 2])) && !is_same(&json!("1"), &json!(1)));
        assert!(!is_same(&json!(u64::MAX), &json!(u64::MAX - 1)));
    }
}
