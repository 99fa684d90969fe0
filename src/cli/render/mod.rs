//! What a check says, for programs to read: one file a format. Pure: from a report and its sources to
//! a text.

pub mod json;
pub mod sarif;

/// Plain data as JSON, on one line or on many.
fn written(data: &impl serde::Serialize, pretty: bool) -> String {
    let text = if pretty { serde_json::to_string_pretty(data) } else { serde_json::to_string(data) };
    match text {
        Ok(text) => text,
        Err(error) => unreachable!("texts and numbers can be written as JSON: {error}"),
    }
}
